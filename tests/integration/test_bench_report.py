"""The pure parts of tests/bench: parsers, medians, ratios, goals, the table and the chart."""

import importlib.machinery
import importlib.util
import json
import os
import sys
import unittest
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))

import cases  # noqa: E402
import curves  # noqa: E402
import floors  # noqa: E402
import measure  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402


def script(name):
    """A program of tests/bench as a module."""
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(sys.path[0], name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    sys.modules[name] = module  # its dataclasses look for it there
    loader.exec_module(module)
    return module


counts = script("counts")


def case(name):
    return next(each for each in cases.CASES if each.name == name)


def measured(name, proxy, *values, part=""):
    return [{"case": name, "proxy": proxy, "round": number, "values": {part: value}} for number, value in enumerate(values, 1)]


def row(found, proxy, name=None):
    return next(each for each in found if each["proxy"] == proxy and name in (None, each["case"]))


class Curves(unittest.TestCase):
    FIGURES = [curves.Figure("start", 1, 0.02, "s", None), curves.Figure("start", 10_000, 0.8, "s", 1.0),
               curves.Figure("start", 100_000, 6.0, "s", 5.0), curves.Figure("memory", 0, 15.0, "kB", None)]

    def test_lines(self):
        self.assertTrue(curves.line(self.FIGURES[0]).endswith("0.020 s"))
        self.assertTrue(curves.line(self.FIGURES[1]).endswith("at most 1.00: yes"))
        self.assertTrue(curves.line(self.FIGURES[2]).endswith("at most 5.00: NO"))

    def test_a_summary_names_what_was_missed(self):
        self.assertEqual(curves.summary(self.FIGURES), "1 of 2 goals met; missed: start at 100,000: 6.00 s")
        self.assertEqual(curves.summary([]), "0 of 0 goals met")

    def test_a_chart_has_a_frame_for_each_curve_of_several_points(self):
        root = xml.etree.ElementTree.fromstring(curves.svg(self.FIGURES, "a <machine>"))
        self.assertEqual([len(root.findall("{*}" + kind)) for kind in ("polyline", "circle", "line")], [1, 3, 2])
        self.assertEqual(sum(each.get("fill") == "#d93025" for each in root.findall("{*}circle")), 1)
        xml.etree.ElementTree.fromstring(curves.svg([], ""))


class Counts(unittest.TestCase):
    def test_what_is_own(self):
        places = {"/usr/lib/x86_64-linux-gnu/libssl.so.3": "library", "/usr/lib/x86_64-linux-gnu/android/libcrypto.so.0": "library",
                  "/usr/lib/x86_64-linux-gnu/libmbedcrypto.so.7": "library", "/usr/lib/x86_64-linux-gnu/libc.so.6": "c",
                  "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2": "c", "/usr/sbin/nginx": "own",
                  "build/lib/libunitls.so.0": "own", "build/lib/unitls/backends/openssl.so": "own",
                  "/usr/lib/x86_64-linux-gnu/libevent_core-2.1.so.7.0.1": "own"}
        self.assertEqual({place: counts.kind_of(place) for place in places}, places)

    def test_a_start_is_not_counted(self):
        self.assertEqual(counts.per_unit({"read": 150, "open": 40}, {"read": 250, "open": 40, "write": 100}, 100),
                         {"read": 1.0, "write": 1.0})

    def test_what_strace_counted(self):
        text = ("% time     seconds  usecs/call     calls    errors syscall\n------ ----------- ----------- --------- --------- ------\n"
                " 41.55    0.001234           4       303        12 recvfrom\n 20.00    0.000300           3       100           sendto\n"
                "------ ----------- ----------- --------- --------- ------\n100.00    0.002000           4       403        12 total\n")
        self.assertEqual(counts.parse_calls(text), {"recvfrom": 303, "sendto": 100})

    def test_a_table_with_what_failed(self):
        done = counts.Count({"own": 20123.4, "library": 300000, "c": 1000}, {"read": 5.0, "write": 2.04}, [])
        text = counts.table([(case("full"), peers.Proxy("nginx", None, [], [], "1"), done),
                             (case("echo"), peers.Proxy("hitch", None, [], [], "1"), counts.Count({}, {}, ["calls: strace: no"]))])
        self.assertIn("321,123       20,123      300,000        1,000      7.0  read 5.0, write 2.0", text)
        self.assertIn("failed: calls: strace: no", text)


class Parsers(unittest.TestCase):
    def test_pss_of_a_rollup(self):
        text = "55e0-7ffd ---p 00000000 00:00 0 [rollup]\nRss:  5000 kB\nPss:            1234 kB\nPss_Dirty:  99 kB\n"
        self.assertEqual(measure.parse_pss(text + "Pss_Anon:        901 kB\nPss_File:  333 kB\n"), (1234, 901))
        self.assertEqual(measure.parse_pss(""), (0, 0))

    def test_ports_that_are_listened_on(self):
        text = ("  sl  local_address rem_address   st tx_queue\n   0: 0100007F:1F90 00000000:0000 0A 00000000\n"
                "   1: 0100007F:1F91 0100007F:0016 01 00000000\n")
        self.assertEqual(measure.parse_listening(text), {8080})

    def test_result_is_the_last_json_object(self):
        self.assertEqual(measure.parse_load('ready\n{"units": 3}\n'), {"units": 3})
        with self.assertRaises(ValueError):
            measure.parse_load("nothing\n")

    def test_errors_the_most_frequent_first(self):
        text = measure.describe_errors({"units": 5, "failed": 4, "errors": {"rare": 1, "frequent": 3}})
        self.assertEqual(text, "4 of 9 failed: frequent (3); rare (1)")

    def test_capabilities_of_backends(self):
        text = ("one: One 1.0\n    versions      TLSv1.2\n    can           tls1.2, alpn,\n                  group-info\n"
                "    cannot        tls1.3,\n                  session-tickets\n\ntwo: Two, API 2\n    can           tls1.3\n")
        self.assertEqual(peers.parse_backends(text), {"one": ("One 1.0", {"tls1.2", "alpn", "group-info"}), "two": ("Two, API 2", {"tls1.3"})})


class Cases(unittest.TestCase):
    def test_names_are_unique_and_chosen_in_order(self):
        names = [each.name for each in cases.CASES]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual([each.name for each in cases.choose(["echo", "full"], False)], ["full", "echo"])
        with self.assertRaises(ValueError):
            cases.choose(["nonsense"], False)

    def test_cpu_time_in_the_unit_of_the_case(self):
        self.assertAlmostEqual(cases.per_unit(case("full"), 2.0, 1000), 2.0)
        self.assertAlmostEqual(cases.per_unit(case("echo"), 2.0, 40000), 50.0)
        self.assertAlmostEqual(cases.per_unit(case("down"), 0.2, 80_000_000), 2.0)

    def test_never_more_than_2000_sockets(self):
        self.assertLessEqual(max(each.connections for each in cases.CASES), 2000)


class Rows(unittest.TestCase):
    def test_ratio_is_to_the_best_peer(self):
        found = report.rows(measured("full", "hitch", 2.0, 1.0, 9.0) + measured("full", "nginx", 1.0, 1.1) +
                            measured("full", "unitlsd openssl", 0.7, 0.7), [case("full")])
        self.assertEqual(row(found, "hitch")["value"], 2.0)
        self.assertAlmostEqual(row(found, "unitlsd openssl")["ratio"], (0.7 + 0.7 / 1.1) / 2)
        self.assertTrue(row(found, "unitlsd openssl")["met"])
        self.assertNotIn("met", row(found, "hitch"))

    def test_ratio_is_taken_within_a_round(self):
        """The machine is twice as slow in the second round, for both."""
        found = report.rows(measured("full", "nginx", 1.0, 2.0, 1.0, 2.0) + measured("full", "unitlsd openssl", 0.8, 1.6, 0.8, 1.6),
                            [case("full")])
        self.assertAlmostEqual(row(found, "unitlsd openssl")["ratio"], 0.8)
        lost = report.rows(measured("full", "nginx", 1.0) + [{"case": "full", "proxy": "unitlsd openssl", "round": 2, "values": {"": 1.0}}],
                           [case("full")])
        self.assertNotIn("ratio", row(lost, "unitlsd openssl"))

    def test_failed_case_stays_with_its_reason(self):
        found = report.rows(measured("full", "hitch", 1.0) + [{"case": "full", "proxy": "nginx", "round": 1, "failed": "it broke"}],
                            [case("full")])
        self.assertEqual(row(found, "nginx")["failed"], "it broke")
        self.assertNotIn("value", row(found, "nginx"))
        self.assertIn("failed: it broke", report.table(found))

    def test_latency_goal_counts_rounds(self):
        one = []
        for name, values in (("nginx", (2.0,) * 5), ("unitlsd openssl", (1.0, 1.0, 3.0, 1.0, 1.0)), ("unitlsd gnutls", (1.0, 3.0, 3.0, 1.0, 1.0))):
            one += [{"case": "half", "proxy": name, "round": number, "values": {"-p50": value, "-p99": value}}
                    for number, value in enumerate(values)]
        found = report.rows(one, [case("half")])
        self.assertEqual((row(found, "unitlsd openssl")["won"], row(found, "unitlsd openssl")["met"]), ("4/5", True))
        self.assertEqual((row(found, "unitlsd gnutls")["won"], row(found, "unitlsd gnutls")["met"]), ("3/5", False))

    def test_own_cost_is_what_library_and_relay_leave(self):
        found = report.rows(measured("full", "unitlsd openssl", 0.66) + measured("relay-connect", "unitlsd relay", 0.3),
                            [case("full"), case("relay-connect")], {"openssl": {"full": 0.32}})
        self.assertAlmostEqual(row(found, "unitlsd openssl")["own_cost"], 0.04)
        self.assertTrue(row(found, "unitlsd openssl")["own_cost_met"])
        self.assertEqual((row(found, "unitlsd openssl")["library"], row(found, "unitlsd openssl")["relay"]), (0.32, 0.3))

    def test_own_cost_above_its_goal_is_missed_in_the_summary(self):
        found = report.rows(measured("full", "unitlsd openssl", 0.66) + measured("full", "unitlsd gnutls", 0.72) +
                            measured("relay-connect", "unitlsd relay", 0.3), [case("full"), case("relay-connect")],
                            {"openssl": {"full": 0.32}, "gnutls": {"full": 0.32}})
        self.assertEqual(report.summary(found), "unitlsd openssl: 1 of 1 goals of own cost met\n"
                         "unitlsd gnutls: 0 of 1 goals of own cost met; missed: full 0.100 ms\n")
        self.assertIn("0.060", report.table(found))

    def test_own_cost_below_nothing_meets_no_goal(self):
        found = report.rows(measured("echo", "unitlsd openssl", 18.0) + measured("relay-echo", "unitlsd relay", 11.0),
                            [case("echo"), case("relay-echo")], {"openssl": {"echo": 9.0}})
        self.assertEqual(row(found, "unitlsd openssl")["own_cost"], -2.0)
        self.assertNotIn("own_cost_met", row(found, "unitlsd openssl"))
        self.assertEqual(report.summary(found), "")

    def test_ratio_is_to_the_same_peer_in_every_round(self):
        """haproxy's median is the lowest; that nginx was below it once changes nothing."""
        found = report.rows(measured("full", "nginx", 0.5, 2.0, 2.0) + measured("full", "haproxy", 1.0, 1.0, 1.0) +
                            measured("full", "unitlsd openssl", 0.9, 0.8, 0.7), [case("full")])
        self.assertAlmostEqual(row(found, "unitlsd openssl")["ratio"], 0.8)

    def test_floors_in_the_units_of_the_cases(self):
        found = floors.parse(json.dumps({"us_per_unit": {"full_1_3_one_ticket": 250.0, "encrypt": 300.0, "round_trip": 9.5}}))
        self.assertEqual(sorted(found), ["down", "echo", "full"])
        self.assertAlmostEqual(found["full"], 0.25)
        self.assertAlmostEqual(found["down"], 0.24)
        self.assertAlmostEqual(found["echo"], 9.5)
        self.assertLessEqual(set(floors.FIGURES), {each.name for each in cases.CASES})

    def test_floor_program_that_fails_is_named_and_leaves_out_its_backend_only(self):
        measured_floors = floors.Floors(lambda name: os.path.join("/nonexistent", name), 0, "/nonexistent")
        measured_floors.measure("openssl")
        self.assertIn("floor-openssl", measured_floors.failures["openssl"])
        self.assertEqual(measured_floors.medians(report.median), {})

    def test_goodput_is_better_when_higher(self):
        found = report.rows(measured("hostile", "nginx", 0.8) + measured("hostile", "hitch", 0.9) +
                            measured("hostile", "unitlsd openssl", 0.95), [case("hostile")])
        self.assertAlmostEqual(row(found, "unitlsd openssl")["ratio"], 0.95 / 0.9)
        self.assertTrue(row(found, "unitlsd openssl")["met"])

    def test_numbers_have_three_digits(self):
        self.assertEqual([report.number(each) for each in (1234.5, 12.345, 1.2345, 0.12345, None)], ["1234", "12.3", "1.23", "0.123", ""])


class Chart(unittest.TestCase):
    def test_is_well_formed_and_marks_goals(self):
        found = report.rows(measured("full", "nginx", 1.0) + measured("full", "unitlsd openssl", 0.7) +
                            measured("full", "unitlsd wolfssl", 5.0), [case("full")])
        tree = xml.etree.ElementTree.fromstring(report.svg(found, "a <machine> & more"))
        titles = [each.text for each in tree.iter("{http://www.w3.org/2000/svg}title")]
        self.assertEqual(len(titles), 3)
        self.assertTrue(any('stroke="#000000"' in line for line in report.svg(found, "").splitlines()))


class Configurations(unittest.TestCase):
    def test_without_tickets_each_proxy_says_so(self):
        class Files:
            ca, ecdsa, rsa = "/ca", "/ecdsa", "/rsa"

        for configure, word in ((peers.haproxy, "no-tls-tickets"), (peers.nginx, "NumTickets 0"), (peers.stunnel, "NO_TICKET"),
                                (lambda setting: peers.unitlsd(setting, "openssl"), "session_tickets = no")):
            setting = peers.Setting("/folder", Files, {"ecdsa": 1}, 2, 3)
            self.assertNotIn(word, configure(setting))
            setting.tickets = "none"
            self.assertIn(word, configure(setting))


if __name__ == "__main__":
    unittest.main(verbosity=2)
