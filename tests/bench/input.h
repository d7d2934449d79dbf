/* Standard input as a means to tell a program that it is to end. */

#ifndef UNITLS_BENCH_INPUT_H
#define UNITLS_BENCH_INPUT_H

#include <event2/event.h>

struct input;

/* Calls back, once, from the loop when standard input has ended. What comes before is thrown away. NULL without memory. */
struct input *input_new(struct event_base *base, void (*on_end)(void *argument), void *argument);
void input_free(struct input *input);

#endif
