/*
 * The suite's certificates, made by the openssl command in a temporary folder when the suite starts.
 */
#include "contract.h"

#include <errno.h>
#include <ftw.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char folder[64];

const char *pki_path(const char *file)
{
	static char buffers[8][256];
	static unsigned next;
	char *buffer = buffers[next++ % 8];

	(void)snprintf(buffer, sizeof(buffers[0]), "%s/%s", folder, file);
	return buffer;
}

static void die(const char *what)
{
	(void)fprintf(stderr, "contract: %s: %s\n", what, strerror(errno));
	pki_remove();
	exit(2);
}

/* The whole of what is made: one shell script, so that it reads as what a person would type. */
static const char script[] =
	"set -e\n"
	/* key NAME ALGORITHM */
	"key() { case $2 in\n"
	"  RSA*) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:${2#RSA:} -out $1.key;;\n"
	"  PSS*) openssl genpkey -quiet -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:${2#PSS:} -out $1.key;;\n"
	"  EC*) openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:${2#EC:} -out $1.key;;\n"
	"  *) openssl genpkey -algorithm $2 -out $1.key;;\n"
	"esac; }\n"
	/* leaf NAME ALGORITHM ISSUER EXTENSIONS [DATES...]: NAME.pem alone, then with the issuer behind it */
	"sign() { name=$1 issuer=$2 ext=$3; shift 3\n"
	"  openssl req -new -key $name.key -subj /CN=$name -out $name.csr\n"
	"  printf \"$ext\" > $name.ext\n"
	"  openssl x509 -req -in $name.csr -CA $issuer.crt -CAkey $issuer.key -set_serial 0x$(openssl rand -hex 8) \"$@\" "
	"-extfile $name.ext -out $name.crt; cp $name.crt $name.pem; }\n"
	"root() { key $1 EC:P-256; openssl req -x509 -new -key $1.key -subj /CN=$1 -days 30 -out $1.crt "
	"-addext keyUsage=critical,keyCertSign,cRLSign; cp $1.crt $1.pem; }\n"
	/* dated NAME EXTENSIONS FROM UNTIL: signed by root */
	"dated() { openssl req -new -key $1.key -subj /CN=$1 -out $1.csr; printf \"$2\" > $1.ext; : > index\n"
	"  printf '[ca]\\ndefault_ca=c\\n[c]\\ndatabase=index\\nnew_certs_dir=.\\ndefault_md=sha256\\nrand_serial=1\\npolicy=p\\n"
	"[p]\\ncommonName=supplied\\n' > ca.cnf\n"
	"  openssl ca -batch -config ca.cnf -cert root.crt -keyfile root.key -startdate $3 -enddate $4 "
	"-in $1.csr -extfile $1.ext -notext -out $1.crt; cp $1.crt $1.pem; }\n"
	/* old NAME EXTENSIONS: the same, expired; OpenSSL 3.5 refuses negative days. */
	"old() { dated $1 \"$2\" 20200101000000Z 20200102000000Z; }\n"
	"ca='basicConstraints=critical,CA:TRUE\\nkeyUsage=critical,keyCertSign,cRLSign\\n'\n"
	"san() { printf '%s' \"subjectAltName=$1\\n\"; }\n"
	"root root; root other\n"
	"key middle EC:P-256; sign middle root \"$ca\" -days 20\n"
	"cat root.crt other.crt > both.pem\n"
	"for a in server:EC:P-256 rsa:RSA:2048 p384:EC:P-384; do\n"
	"  n=${a%%:*}; key $n ${a#*:}; sign $n root \"$(san DNS:server.example,DNS:*.wild.example,IP:127.0.0.1,IP:::1)\" -days 10; done\n"
	"key rsa4096 RSA:4096; sign rsa4096 root \"$(san DNS:server.example)\" -days 10\n"
	"key pss PSS:2048; sign pss root \"$(san DNS:server.example)\" -days 10\n"
	"key ed25519 ED25519; sign ed25519 root \"$(san DNS:server.example)\" -days 10\n"
	"for n in alpha beta; do key $n EC:P-256; sign $n root \"$(san DNS:$n.example)\" -days 10; done\n"
	"key alpha-rsa RSA:2048; sign alpha-rsa root \"$(san DNS:alpha.example)\" -days 10\n"
	"key wild EC:P-256; sign wild root \"$(san DNS:*.beta.example)\" -days 10\n"
	"key deep EC:P-256; sign deep middle \"$(san DNS:server.example)\" -days 10; cp deep.crt deep-alone.pem; cp deep.key deep-alone.key\n"
	"cat deep.crt middle.crt > deep.pem\n"
	"cat deep.crt root.crt server.crt middle.crt middle.crt deep.crt > messy.pem; cp deep.key messy.key\n"
	"key client EC:P-256; sign client root \"extendedKeyUsage=clientAuth\\n\" -days 10\n"
	"key stranger EC:P-256; sign stranger other \"extendedKeyUsage=clientAuth\\n\" -days 10\n"
	"key expired EC:P-256; old expired \"$(san DNS:server.example)\"\n"
	"key self EC:P-256; openssl req -x509 -new -key self.key -subj /CN=self -days 10 -addext subjectAltName=DNS:server.example -out self.pem\n"
	"key cn-only EC:P-256; openssl req -new -key cn-only.key -subj /CN=server.example -out cn-only.csr\n"
	"openssl x509 -req -in cn-only.csr -CA root.crt -CAkey root.key -set_serial 77 -days 10 -out cn-only.pem\n"
	"key purpose EC:P-256; sign purpose root \"$(san DNS:server.example)extendedKeyUsage=clientAuth\\n\" -days 10\n"
	"key limited EC:P-256; sign limited root \"${ca}nameConstraints=critical,permitted;DNS:good.example\\n\" -days 20\n"
	"key outside EC:P-256; sign outside limited \"$(san DNS:server.example)\" -days 10; cat outside.crt limited.crt > outside.pem\n";

/* The same material in other forms, and chains that are not as they should be. */
static const char more[] =
	"same() { cp $2 $1.pem; cp $3 $1.key; }\n"
	"openssl ec -in server.key -out sec1.key; cp server.crt sec1.pem\n"
	"openssl rsa -in rsa.key -traditional -out pkcs1.key; cp rsa.crt pkcs1.pem\n"
	"openssl pkcs8 -topk8 -in server.key -passout pass:secret -out locked.key; cp server.crt locked.pem\n"
	"openssl rsa -in rsa.key -traditional -aes128 -passout pass:secret -out locked-old.key; cp rsa.crt locked-old.pem\n"
	"openssl pkey -in server.key -outform DER -out der.key; openssl x509 -in server.crt -outform DER -out der.pem\n"
	"openssl x509 -in server.crt -trustout -addtrust serverAuth -out trusted.pem; cp server.key trusted.key\n"
	"(echo junk before; cat server.crt; echo and behind) | sed 's/$/\\r/' > junk.pem\n"
	"(echo junk before; cat server.key; echo and behind) | sed 's/$/\\r/' > junk.key\n"
	"same mismatch server.crt client.key\n"
	"openssl x509 -req -in middle.csr -CA other.crt -CAkey other.key -set_serial 5 -days 20 -extfile middle.ext -out cross.crt\n"
	"cat deep.crt cross.crt middle.crt > crossed.pem; cp deep.key crossed.key\n"
	"cat deep.crt middle.crt cross.crt > crossed-2.pem; cp deep.key crossed-2.key\n"
	"root a; root b; for n in a b; do openssl req -new -key $n.key -subj /CN=$n -out $n.csr; done\n"
	"printf \"$ca\" > ca.ext\n"
	"openssl x509 -req -in a.csr -CA b.crt -CAkey b.key -set_serial 6 -days 20 -extfile ca.ext -out a-by-b.crt\n"
	"openssl x509 -req -in b.csr -CA a.crt -CAkey a.key -set_serial 7 -days 20 -extfile ca.ext -out b-by-a.crt\n"
	"key cyclic EC:P-256; sign cyclic a \"$(san DNS:server.example)\" -days 10\n"
	"cat cyclic.crt a-by-b.crt b-by-a.crt > cyclic.pem\n"
	"key nul EC:P-256; sign nul root \"subjectAltName=DER:301e821c$(printf 'server.example\\0.evil.example' | od -An -tx1 | "
	"tr -d ' \\n')\\n\" -days 10\n"
	"key old-client EC:P-256; old old-client \"extendedKeyUsage=clientAuth\\n\"\n";

/* Revocation: lists and OCSP responses. */
static const char revocation[] =
	"cat > ca.cnf <<'END'\n[ca]\ndefault_ca = d\n[d]\ndatabase = $ENV::DB\ndefault_md = sha256\nEND\n"
	/* crl NAME ISSUER 'REVOKED...' [OPTIONS]: NAME.crl */
	"crl() { name=$1 issuer=$2 revoked=$3; shift 3; export DB=$name.db; : > $DB; : > $DB.attr\n"
	"  for c in $revoked; do openssl ca -config ca.cnf -revoke $c.crt -keyfile $issuer.key -cert $issuer.crt; done\n"
	"  openssl ca -config ca.cnf -gencrl -keyfile $issuer.key -cert $issuer.crt -out $name.crl \"$@\"; }\n"
	"crl none-revoked root '' -crldays 5\n"
	"crl server-revoked root 'server rsa client' -crldays 5\n"
	"crl middle-revoked root middle -crldays 5\n"
	"crl of-middle middle '' -crldays 5\n"
	"crl deep-revoked middle deep -crldays 5\n"
	"crl of-other other '' -crldays 5\n"
	"crl stale root '' -crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z\n"
	"crl of-root root '' -crldays 5\n"
	"key forger EC:P-256; openssl req -x509 -new -key forger.key -subj /CN=root -days 30 -out forger.crt; crl forged forger '' -crldays 5\n"
	"cat middle-revoked.crl of-middle.crl > middle-gone.crl; cat of-root.crl of-middle.crl > all-good.crl\n"
	"openssl crl -in none-revoked.crl -outform DER -out none-revoked-der.crl\n"
	"key delegate EC:P-256; sign delegate root \"extendedKeyUsage=OCSPSigning\\n\" -days 1\n"
	"in_days() { date -u -d \"$1 days\" +%Y%m%d%H%M%SZ; }\n"
	"key later EC:P-256; dated later \"extendedKeyUsage=OCSPSigning\\n\" $(in_days 2) $(in_days 9)\n"
	/* ocsp NAME LEAF STATE REVOKED-AT SIGNER [ISSUER]: NAME.ocsp; without an ISSUER the LEAF is the root's */
	"ocsp() { issuer=${6:-root}; serial=$(openssl x509 -noout -serial -in $2.crt); serial=${serial#serial=}\n"
	"  printf '%s\\t991231235959Z\\t%s\\t%s\\tunknown\\t/CN=%s\\n' \"$3\" \"$4\" $serial $2 > $1.index\n"
	"  openssl ocsp -issuer $issuer.crt -cert $2.crt -reqout $1.req -no_nonce\n"
	"  openssl ocsp -index $1.index -CA $issuer.crt -rsigner $5.crt -rkey $5.key -reqin $1.req -respout $1.ocsp -ndays ${DAYS:-1}; }\n"
	"ocsp good server V '' root; ocsp revoked server R 250101000000Z root; ocsp elsewhere rsa V '' root; ocsp impostor server V '' other\n"
	"ocsp deep-good deep V '' middle middle; ocsp deep-gone deep R 250101000000Z middle middle\n"
	"DAYS=9; ocsp by-delegate server V '' delegate; ocsp by-later server V '' later\n";

void pki_make(void)
{
	char shell[] = "sh";
	char flag[] = "-c";
	char all[sizeof(script) + sizeof(more) + sizeof(revocation)];
	char *const arguments[] = {shell, flag, all, NULL};
	posix_spawn_file_actions_t actions;
	pid_t child;
	int status = -1;

	(void)snprintf(all, sizeof(all), "%s%s%s", script, more, revocation);
	(void)snprintf(folder, sizeof(folder), "%s", "/tmp/unitls-contract-XXXXXX");
	if (!mkdtemp(folder))
		die("temporary folder");
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addchdir_np(&actions, folder);
	(void)posix_spawn_file_actions_addopen(&actions, 2, pki_path("log"), 01101, 0600);
	if (posix_spawnp(&child, "sh", &actions, NULL, arguments, environ) != 0 ||
		waitpid(child, &status, 0) != child)
		die("sh");
	(void)posix_spawn_file_actions_destroy(&actions);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		FILE *log = fopen(pki_path("log"), "r");
		char line[256];

		while (log && fgets(line, sizeof(line), log))
			(void)fputs(line, stderr);
		die("openssl could not make the certificates");
	}
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *position)
{
	(void)info;
	(void)type;
	(void)position;
	return remove(path);
}

void pki_remove(void)
{
	if (folder[0] != '\0')
		(void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
