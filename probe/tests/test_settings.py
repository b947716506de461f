"""The environment, as the OpenTelemetry specification has it."""

from __future__ import annotations

import unittest
from typing import Any

from afdscope_probe.settings import Settings, SettingsError, parse_pairs, switched_off


def settings(environ: Any = None, **given: Any) -> Settings:
    return Settings.from_env(environ or {}, **{"role": "ffn", **given})


class Endpoints(unittest.TestCase):
    def test_the_general_one_gets_the_signals_path_and_a_signals_own_is_taken_as_it_is(self) -> None:
        for environ, traces, metrics in (
            ({}, "http://localhost:4318/v1/traces", "http://localhost:4318/v1/metrics"),
            ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c:1/base/"}, "https://c:1/base/v1/traces",
             "https://c:1/base/v1/metrics"),
            ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/x"}, "http://t/x",
             "http://localhost:4318/v1/metrics"),
            ({"OTEL_EXPORTER_OTLP_ENDPOINT": "", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://m"},
             "http://localhost:4318/v1/traces", "http://m"),
        ):
            found = settings(environ)
            self.assertEqual((found.traces_url, found.metrics_url), (traces, metrics))

    def test_the_argument_wins(self) -> None:
        found = settings({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/x"}, endpoint="http://a:2")
        self.assertEqual(found.traces_url, "http://a:2/v1/traces")

    def test_what_is_none(self) -> None:
        for wrong in ("localhost:4318", "grpc://x", "http://", "http://h:0", "http://h:99999", "http://[::1",
                      "http://h:1/a b", "http://h:1/é", "http://two words:1"):
            with self.assertRaisesRegex(SettingsError, "endpoint '"):
                settings(endpoint=wrong)
            with self.assertRaisesRegex(SettingsError, "OTEL_EXPORTER_OTLP_ENDPOINT '"):
                settings({"OTEL_EXPORTER_OTLP_ENDPOINT": wrong})
        with self.assertRaises(SettingsError):
            settings(endpoint=4318)

    def test_spaces_around_and_queries_behind(self) -> None:
        self.assertEqual(settings({"OTEL_EXPORTER_OTLP_ENDPOINT": " http://h:1/ "}).traces_url, "http://h:1/v1/traces")
        self.assertEqual(settings(endpoint="http://h:1/p?key=x").metrics_url, "http://h:1/p/v1/metrics?key=x")
        self.assertEqual(settings(endpoint="http://[::1]:4318").traces_url, "http://[::1]:4318/v1/traces")

    def test_grpc_is_told_of(self) -> None:
        said = settings({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"}).warnings
        self.assertEqual(len(said), 2)
        self.assertIn("http/protobuf", said[0])
        self.assertIn("4318", said[1])


class Attributes(unittest.TestCase):
    def test_are_percent_decoded_and_arguments_win(self) -> None:
        found = settings({
            "OTEL_RESOURCE_ATTRIBUTES": "afd.role=attention, hw.id = GPU%2D1%2c2 ,x=a%3Db=c,afd.rank=7,e=",
            "OTEL_SERVICE_NAME": "engine",
        }, rank=3, resource={"x": 5})
        resource = found.resource
        self.assertEqual(resource["afd.role"], "ffn")
        self.assertEqual(resource["hw.id"], "GPU-1,2")
        self.assertEqual(resource["x"], 5)
        self.assertEqual(resource["afd.rank"], 3)
        self.assertEqual(resource["e"], "")
        self.assertEqual(settings(resource={3: 4}).resource["3"], 4)
        self.assertEqual(resource["service.name"], "engine")
        self.assertNotEqual(resource["afd.incarnation"], settings().resource["afd.incarnation"])

    def test_that_are_wrong_say_which(self) -> None:
        for environ, given, said in (
            ({"OTEL_RESOURCE_ATTRIBUTES": "a"}, {}, "OTEL_RESOURCE_ATTRIBUTES"),
            ({}, {"role": "boss"}, "attention"),
            ({}, {"rank": -1}, "afd.rank"),
            ({}, {"rank": 2**31}, "afd.rank"),
            ({}, {"rank": 1.5}, "afd.rank"),
            ({}, {"rank": float("inf")}, "afd.rank"),
            ({}, {"resource": "x=5"}, "resource is str"),
            ({}, {"mode": 16}, "mode '16'"),
            ({"OTEL_EXPORTER_OTLP_HEADERS": "a b=c"}, {}, "'a b'"),
            ({"OTEL_EXPORTER_OTLP_HEADERS": "x=%E2%82%AC"}, {}, "'x'"),
            ({"OTEL_EXPORTER_OTLP_HEADERS": "x=a%0Ab"}, {}, "'x'"),
            ({"OTEL_EXPORTER_OTLP_HEADERS": "Content-Length=5"}, {}, "'Content-Length'"),
            ({}, {"microbatches": "three"}, "afd.microbatches"),
            ({"OTEL_SERVICE_NAME": "afdscope"}, {}, "service.name"),
        ):
            with self.assertRaisesRegex(SettingsError, said):
                settings(environ, **given)

    def test_pairs(self) -> None:
        self.assertEqual(parse_pairs("a=1,,b=%20x%20, c = d=e "), {"a": "1", "b": " x ", "c": "d=e"})
        for wrong in ("a", "=1", "a=1,b"):
            with self.assertRaises(ValueError):
                parse_pairs(wrong)


class Rest(unittest.TestCase):
    def test_headers_timeout_compression_certificate(self) -> None:
        found = settings({
            "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Basic%20abc,x=1",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x=2",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1500",
            "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "gzip",
            "OTEL_EXPORTER_OTLP_CERTIFICATE": "/ca.pem",
        })
        self.assertEqual(found.headers, {"authorization": "Basic abc", "x": "2"})
        self.assertEqual(found.traces_timeout_s, 1.5)
        self.assertEqual((found.compression, found.certificate), ("gzip", "/ca.pem"))
        self.assertEqual(found.warnings, [])
        for wrong in ("a=%0d%0ab", "x"):
            with self.assertRaises(SettingsError):
                settings({"OTEL_EXPORTER_OTLP_HEADERS": wrong})

    def test_what_is_odd_is_said_and_left(self) -> None:
        found = settings({
            "OTEL_EXPORTER_OTLP_TIMEOUT": "soon", "OTEL_EXPORTER_OTLP_COMPRESSION": "zstd",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "AFDSCOPE_PROBE_CPUS": "3-1",
            "AFDSCOPE_PROBE_QUEUE_BYTES": "-1", "AFDSCOPE_PROBE_ENCODING": "best",
        })
        self.assertEqual(len(found.warnings), 6)
        self.assertEqual((found.traces_timeout_s, found.compression, found.cpus), (10.0, "none", ()))

    def test_modes_and_cores(self) -> None:
        for text, mode, every in (("", "all", 1), ("1/16", "sample", 16), ("1/1", "all", 1),
                                  ("Ring", "ring", 1), ("aggregates", "aggregates", 1)):
            found = settings({"AFDSCOPE_PROBE_MODE": text, "AFDSCOPE_PROBE_CPUS": "0-2,7"})
            self.assertEqual((found.mode, found.sample_every), (mode, every))
            self.assertEqual(found.cpus, (0, 1, 2, 7))
        for wrong in ("1/0", "1/x", "half", "2/3", "sample"):
            with self.assertRaises(SettingsError):
                settings(mode=wrong)

    def test_switches(self) -> None:
        self.assertEqual(switched_off({}), "")
        self.assertEqual(switched_off({"OTEL_SDK_DISABLED": "TRUE"}), "OTEL_SDK_DISABLED")
        self.assertEqual(switched_off({"OTEL_SDK_DISABLED": "1"}), "")
        self.assertEqual(switched_off({"AFDSCOPE_PROBE": "off"}), "AFDSCOPE_PROBE")


if __name__ == "__main__":
    unittest.main()
