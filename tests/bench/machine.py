"""Where and when a measurement was made: what stands above every table of figures."""

import datetime
import os
import platform
import re
import subprocess


def processor():
    with open("/proc/cpuinfo") as source:
        found = re.search(r"^model name\s*: (.*)$", source.read(), re.M)
    return found.group(1) if found else platform.machine()


def commit(source):
    done = subprocess.run(["git", "-C", source, "rev-parse", "--short", "HEAD"], capture_output=True, timeout=20)
    return done.stdout.decode().strip() if done.returncode == 0 else "?"


def facts(source):
    """Of this moment; SOURCE is the folder of the sources."""
    return {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"), "processor": processor(),
            "cores": os.cpu_count(), "kernel": platform.release(), "commit": commit(source)}


def heading(facts):
    return "%(processor)s, %(cores)d cores, Linux %(kernel)s, %(date)s" % facts
