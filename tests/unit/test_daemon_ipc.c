/* Messages between the master and its children. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ipc.h"

static int parse(const struct ipc_message *message, enum ipc_source source, bool descriptor)
{
	struct ipc_message parsed;

	return ipc_parse(message, sizeof(*message), source, descriptor, &parsed);
}

static void a_message_of_another_size_is_refused(void **state)
{
	struct ipc_message message = ipc_make(IPC_READY);
	struct ipc_message parsed;
	char longer[sizeof(message) + 1] = {0};

	(void)state;
	memcpy(longer, &message, sizeof(message));
	assert_int_equal(ipc_parse(&message, sizeof(message), IPC_FROM_WORKER, false, &parsed), 0);
	assert_int_equal(ipc_parse(&message, sizeof(message) - 1, IPC_FROM_WORKER, false, &parsed), -EBADMSG);
	assert_int_equal(ipc_parse(longer, sizeof(longer), IPC_FROM_WORKER, false, &parsed), -EBADMSG);
	assert_int_equal(ipc_parse(longer, 0, IPC_FROM_WORKER, false, &parsed), -EBADMSG);
}

static void a_type_that_its_sender_may_not_send_is_refused(void **state)
{
	uint32_t type;

	(void)state;
	for (type = 0; type < IPC_TYPE_COUNT + 2; type++) {
		struct ipc_message message = ipc_make(IPC_READY);
		bool from_worker = type == IPC_HEARTBEAT || type == IPC_READY || type == IPC_PREPARED ||
			type == IPC_FAILED || type == IPC_COMMITTED || type == IPC_RELEASED || type == IPC_DRAINED;

		message.type = type;
		assert_int_equal(parse(&message, IPC_FROM_WORKER, false), from_worker ? 0 : -EBADMSG);
	}
}

static void a_descriptor_comes_exactly_with_the_types_that_have_one(void **state)
{
	struct ipc_message socket_message = ipc_make(IPC_SOCKET);
	struct ipc_message tickets = ipc_make(IPC_TICKETS);
	struct ipc_message ready = ipc_make(IPC_READY);

	(void)state;
	assert_int_equal(parse(&socket_message, IPC_FROM_MASTER, true), 0);
	assert_int_equal(parse(&socket_message, IPC_FROM_MASTER, false), -EBADMSG);
	assert_int_equal(parse(&tickets, IPC_FROM_MASTER, true), 0);
	assert_int_equal(parse(&tickets, IPC_FROM_MASTER, false), -EBADMSG);
	assert_int_equal(parse(&tickets, IPC_FROM_WORKER, true), -EBADMSG);
	assert_int_equal(parse(&tickets, IPC_FROM_HELPER, true), -EBADMSG);
	assert_int_equal(parse(&ready, IPC_FROM_WORKER, true), -EBADMSG);
}

static void a_text_without_an_end_is_refused(void **state)
{
	struct ipc_message message = ipc_make(IPC_FAILED);

	(void)state;
	memset(message.body.failed.text, 'x', sizeof(message.body.failed.text));
	assert_int_equal(parse(&message, IPC_FROM_WORKER, false), -EBADMSG);
	message.body.failed.text[sizeof(message.body.failed.text) - 1] = '\0';
	assert_int_equal(parse(&message, IPC_FROM_WORKER, false), 0);
	memset(message.body.failed.file, 'x', sizeof(message.body.failed.file));
	assert_int_equal(parse(&message, IPC_FROM_WORKER, false), -EBADMSG);
}

static void addresses_out_of_range_are_refused(void **state)
{
	struct ipc_message message = ipc_make(IPC_ADDRESSES);

	(void)state;
	assert_int_equal(parse(&message, IPC_FROM_HELPER, false), -EBADMSG);
	message.body.addresses.host[0] = 'a';
	assert_int_equal(parse(&message, IPC_FROM_HELPER, false), 0);
	message.body.addresses.count = 1;
	assert_int_equal(parse(&message, IPC_FROM_HELPER, false), -EBADMSG);
	message.body.addresses.items[0].family = 4;
	assert_int_equal(parse(&message, IPC_FROM_HELPER, false), 0);
	message.body.addresses.count = IPC_ADDRESSES_MAX + 1;
	assert_int_equal(parse(&message, IPC_FROM_HELPER, false), -EBADMSG);
	message.body.addresses.count = 1;
	memset(message.body.addresses.host, 'a', sizeof(message.body.addresses.host));
	assert_int_equal(parse(&message, IPC_FROM_HELPER, false), -EBADMSG);
}

static int expect(enum ipc_type type, uint64_t generation, const struct ipc_expected *expected)
{
	struct ipc_message message = ipc_make(type);

	message.generation = generation;
	return ipc_expect(&message, expected);
}

static void an_answer_to_what_was_not_asked_is_told_from_a_late_one(void **state)
{
	struct ipc_expected expected = {.generation = 5, .preparing = true};

	(void)state;
	assert_int_equal(expect(IPC_PREPARED, 5, &expected), 0);
	assert_int_equal(expect(IPC_PREPARED, 4, &expected), 1);
	assert_int_equal(expect(IPC_PREPARED, 6, &expected), -EBADMSG);
	assert_int_equal(expect(IPC_COMMITTED, 5, &expected), -EBADMSG);
	expected.preparing = false;
	assert_int_equal(expect(IPC_FAILED, 5, &expected), 1);
	expected.committing = true;
	assert_int_equal(expect(IPC_COMMITTED, 5, &expected), 0);
	assert_int_equal(expect(IPC_COMMITTED, 4, &expected), -EBADMSG);
	assert_int_equal(expect(IPC_DRAINED, 0, &expected), -EBADMSG);
	expected.draining = true;
	assert_int_equal(expect(IPC_DRAINED, 0, &expected), 0);
}

static void numbers_that_were_never_given_out_are_refused(void **state)
{
	struct ipc_expected expected = {.sequence = 7, .next_socket = 3};
	struct ipc_message message = ipc_make(IPC_HEARTBEAT);

	(void)state;
	message.body.sequence = 7;
	assert_int_equal(ipc_expect(&message, &expected), 0);
	message.body.sequence = 8;
	assert_int_equal(ipc_expect(&message, &expected), -EBADMSG);
	message = ipc_make(IPC_RELEASED);
	message.socket = 2;
	assert_int_equal(ipc_expect(&message, &expected), 0);
	message.socket = 3;
	assert_int_equal(ipc_expect(&message, &expected), -EBADMSG);
}

static void open_pair(struct ipc_channel *master, struct ipc_channel *child)
{
	int fds[2];

	assert_int_equal(ipc_pair(fds), 0);
	ipc_channel_init(master, fds[0], IPC_FROM_WORKER);
	ipc_channel_init(child, fds[1], IPC_FROM_MASTER);
}

static void what_cannot_be_sent_at_once_is_queued_in_order_with_its_descriptors(void **state)
{
	struct ipc_channel master;
	struct ipc_channel child;
	struct ipc_message message = ipc_make(IPC_SOCKET);
	uint32_t sent = 0;
	uint32_t received = 0;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int got;

	(void)state;
	open_pair(&master, &child);
	for (sent = 0; sent < 2000; sent++) {
		message.socket = sent;
		assert_int_equal(ipc_send(&master, &message, fd), 0);
		/* As long as descriptors are queued they are open twice. */
		if (ipc_pending(&master) && sent > 400)
			break;
	}
	assert_true(ipc_pending(&master));
	(void)close(fd);
	for (received = 0; received <= sent; received++) {
		if (ipc_receive(&child, &message, &got) != 0) {
			assert_int_equal(ipc_flush(&master), 0);
			assert_int_equal(ipc_receive(&child, &message, &got), 0);
		}
		assert_int_equal(message.socket, received);
		assert_true(fcntl(got, F_GETFD) == FD_CLOEXEC);
		(void)close(got);
	}
	assert_int_equal(ipc_receive(&child, &message, &got), 1);
	assert_false(ipc_pending(&master));
	ipc_channel_fini(&master);
	ipc_channel_fini(&child);
}

static void the_queue_is_bounded(void **state)
{
	struct ipc_channel master;
	struct ipc_channel child;
	struct ipc_message message = ipc_make(IPC_NAMES_BEGIN);
	size_t count;
	int r = 0;

	(void)state;
	open_pair(&master, &child);
	for (count = 0; r == 0 && count < 2 * IPC_QUEUE_MAX; count++)
		r = ipc_send(&master, &message, -1);
	assert_int_equal(r, -ENOBUFS);
	assert_int_equal(master.count, IPC_QUEUE_MAX);
	ipc_channel_fini(&master);
	ipc_channel_fini(&child);
}

static void the_end_of_the_other_side_is_reported_after_what_it_said(void **state)
{
	struct ipc_channel master;
	struct ipc_channel child;
	struct ipc_message message = ipc_make(IPC_READY);
	int fd;

	(void)state;
	open_pair(&master, &child);
	assert_int_equal(ipc_send(&child, &message, -1), 0);
	ipc_channel_fini(&child);
	assert_int_equal(ipc_receive(&master, &message, &fd), 0);
	assert_int_equal(fd, -1);
	assert_int_equal(ipc_receive(&master, &message, &fd), -EPIPE);
	assert_int_equal(ipc_send(&master, &message, -1), -EPIPE);
	ipc_channel_fini(&master);
	ipc_channel_fini(&master);
}

static int count_descriptors(void)
{
	int count = 0;
	int fd;

	for (fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			count++;
	return count;
}

static void a_descriptor_from_a_child_is_refused_and_closed(void **state)
{
	struct ipc_channel master;
	struct ipc_channel child;
	struct ipc_message message = ipc_make(IPC_READY);
	int before;
	int fd;

	(void)state;
	open_pair(&master, &child);
	before = count_descriptors();
	assert_int_equal(ipc_send(&child, &message, STDIN_FILENO), 0);
	assert_int_equal(ipc_receive(&master, &message, &fd), -EBADMSG);
	assert_int_equal(count_descriptors(), before);
	assert_int_equal(send(child.fd, "garbage", 7, 0), 7);
	assert_int_equal(ipc_receive(&master, &message, &fd), -EBADMSG);
	ipc_channel_fini(&master);
	ipc_channel_fini(&child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_of_another_size_is_refused),
		cmocka_unit_test(a_type_that_its_sender_may_not_send_is_refused),
		cmocka_unit_test(a_descriptor_comes_exactly_with_the_types_that_have_one),
		cmocka_unit_test(a_text_without_an_end_is_refused),
		cmocka_unit_test(addresses_out_of_range_are_refused),
		cmocka_unit_test(an_answer_to_what_was_not_asked_is_told_from_a_late_one),
		cmocka_unit_test(numbers_that_were_never_given_out_are_refused),
		cmocka_unit_test(what_cannot_be_sent_at_once_is_queued_in_order_with_its_descriptors),
		cmocka_unit_test(the_queue_is_bounded),
		cmocka_unit_test(the_end_of_the_other_side_is_reported_after_what_it_said),
		cmocka_unit_test(a_descriptor_from_a_child_is_refused_and_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
