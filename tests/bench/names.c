/* names FOLDER COUNT CA-KEY CA-CERTIFICATE: as many files with an ECDSA P-256 key and its certificate, for the names n0.example, n1.example, ...
 *
 * A benchmark needs 100,000 of them, which the openssl command would take an hour for. */

#include <stdio.h>
#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define DAY_S     86400L
#define COUNT_MAX 1000000L

struct authority {
	EVP_PKEY *key;
	X509 *certificate;
};

static void die(const char *what)
{
	(void)fprintf(stderr, "names: %s\n", what);
	exit(1);
}

static FILE *open_file(const char *path, const char *mode)
{
	FILE *file = fopen(path, mode);

	if (!file)
		die(path);
	return file;
}

static long read_count(const char *text)
{
	long count = 0;

	for (; *text; text++) {
		if (*text < '0' || *text > '9' || count > COUNT_MAX / 10)
			die("COUNT: a number up to 1,000,000 is expected");
		count = count * 10 + (*text - '0');
	}
	return count;
}

static struct authority read_authority(const char *key_path, const char *certificate_path)
{
	struct authority authority;
	FILE *file = open_file(key_path, "re");

	authority.key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	(void)fclose(file);
	file = open_file(certificate_path, "re");
	authority.certificate = PEM_read_X509(file, NULL, NULL, NULL);
	(void)fclose(file);
	if (!authority.key || !authority.certificate)
		die("the authority cannot be read");
	return authority;
}

static int add_name(X509 *certificate, const char *name)
{
	char text[80];
	X509_EXTENSION *extension;
	int ok;

	(void)snprintf(text, sizeof(text), "DNS:%s", name);
	extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);
	ok = extension && X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	return ok &&
		X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
			(const unsigned char *)name, -1, -1, 0);
}

static X509 *issue(const struct authority *authority, EVP_PKEY *key, const char *name, long serial)
{
	X509 *certificate = X509_new();
	const X509_NAME *issuer = X509_get_subject_name(authority->certificate);

	if (!certificate || !X509_set_version(certificate, 2) ||
		!ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial) ||
		!X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S) ||
		!X509_gmtime_adj(X509_getm_notAfter(certificate), 30 * DAY_S) ||
		!X509_set_issuer_name(certificate, issuer) || !add_name(certificate, name) ||
		!X509_set_pubkey(certificate, key) || !X509_sign(certificate, authority->key, EVP_sha256()))
		die("cannot issue a certificate");
	return certificate;
}

static void write_pair(const char *folder, long number, const struct authority *authority)
{
	char name[32];
	char path[4096];
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate;
	FILE *file;

	(void)snprintf(name, sizeof(name), "n%ld.example", number);
	(void)snprintf(path, sizeof(path), "%s/%06ld.pem", folder, number);
	if (!key)
		die("cannot make a key");
	certificate = issue(authority, key, name, number + 1000);
	file = open_file(path, "we");
	if (!PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) || !PEM_write_X509(file, certificate) ||
		fclose(file) != 0)
		die(path);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

int main(int argc, char **argv)
{
	struct authority authority;
	long count;

	if (argc != 5)
		die("usage: names FOLDER COUNT CA-KEY CA-CERTIFICATE");
	count = read_count(argv[2]);
	authority = read_authority(argv[3], argv[4]);
	for (long number = 0; number < count; number++)
		write_pair(argv[1], number, &authority);
	X509_free(authority.certificate);
	EVP_PKEY_free(authority.key);
	return 0;
}
