/* An identity for fuzzing, of no other use: anybody can read its key here. */
#ifndef UNITLS_TESTS_FUZZ_IDENTITY_H
#define UNITLS_TESTS_FUZZ_IDENTITY_H

static const char fuzz_identity[] = "-----BEGIN CERTIFICATE-----\n"
				    "MIIBjjCCATSgAwIBAgIUJwHD9AVaBdOStcZJvCIx74rEIhowCgYIKoZIzj0EAwIw\n"
				    "DzENMAsGA1UEAwwEZnV6ejAgFw0yNjExMjQwMTU5MzBaGA8yMTI2MTAzMTAxNTkz\n"
				    "MFowDzENMAsGA1UEAwwEZnV6ejBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIL3\n"
				    "PBtlGtAIMDGXqUCbvIVLQ5JvMupsCzhi8PmrFVSAygxkgZxIzXBZrXMjJi3Rqf5z\n"
				    "BH4hmtzJdD2U7Zk0+uSjbDBqMB0GA1UdDgQWBBT/um/co9mzBgKwj4qNWAePWQLC\n"
				    "GDAfBgNVHSMEGDAWgBT/um/co9mzBgKwj4qNWAePWQLCGDAPBgNVHRMBAf8EBTAD\n"
				    "AQH/MBcGA1UdEQQQMA6CDGZ1enouZXhhbXBsZTAKBggqhkjOPQQDAgNIADBFAiBQ\n"
				    "SBnxeZ/ksIdUTIWB5OHAjaGYW97Q72fWvD5OGLXKXQIhAOpnJOGPeK436/dk5vvt\n"
				    "g8Ww+CvnbATi23ckOI+4gcN+\n"
				    "-----END CERTIFICATE-----\n"
				    "-----BEGIN PRIVATE KEY-----\n"
				    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgJmWSadsoqmHhsB9J\n"
				    "069878iP3E71A8QCYJHgjQTxxpqhRANCAASC9zwbZRrQCDAxl6lAm7yFS0OSbzLq\n"
				    "bAs4YvD5qxVUgMoMZIGcSM1wWa1zIyYt0an+cwR+IZrcyXQ9lO2ZNPrk\n"
				    "-----END PRIVATE KEY-----\n"
				    "";

#endif
