"""Logs in at the relay on the port given, as the user given, in every way smtplib can, and by
SCRAM-SHA-256 as RFC 5802 says it, each time sending one message."""

import base64
import hashlib
import hmac
import os
import smtplib
import sys

PORT, USER, PASSWORD = int(sys.argv[1]), sys.argv[2], sys.argv[3]


class Scram:
    """The client's side."""

    def __init__(self):
        self.nonce = base64.b64encode(os.urandom(15)).decode()
        self.bare = f"n={USER},r={self.nonce}"
        self.signature = None

    def __call__(self, challenge=b""):
        if not challenge:
            return "n,," + self.bare
        challenge = challenge.decode()
        if challenge.startswith("v="):
            assert challenge == "v=" + self.signature, "the server knows no password of ours"
            return ""
        return self.prove(challenge)

    def prove(self, offer):
        fields = dict(field.split("=", 1) for field in offer.split(","))
        assert fields["r"].startswith(self.nonce) and fields["r"] != self.nonce
        salted = hashlib.pbkdf2_hmac(
            "sha256", PASSWORD.encode(), base64.b64decode(fields["s"]), int(fields["i"])
        )
        sign = lambda key, text: hmac.digest(key, text.encode(), "sha256")
        client = sign(salted, "Client Key")
        bare = f"c=biws,r={fields['r']}"
        signed = f"{self.bare},{offer},{bare}"
        mask = sign(hashlib.sha256(client).digest(), signed)
        proof = bytes(a ^ b for a, b in zip(client, mask))
        self.signature = base64.b64encode(sign(sign(salted, "Server Key"), signed)).decode()
        return f"{bare},p={base64.b64encode(proof).decode()}"


def session(name, log_in):
    with smtplib.SMTP("127.0.0.1", PORT, local_hostname="python.test", timeout=30) as client:
        client.ehlo()
        assert "SCRAM-SHA-256" in client.esmtp_features["auth"].split()
        assert client.docmd("MAIL", f"FROM:<{name}@python.test>")[0] == 530
        code, text = log_in(client)
        assert code == 235, (name, code, text)
        client.sendmail(f"{name}@python.test", ["a@site.test"], f"Subject: {name}\n\nhello\n")


def with_password(method):
    def log_in(client):
        client.user, client.password = USER, PASSWORD
        mechanism = {"auth_plain": "PLAIN", "auth_login": "LOGIN"}[method]
        return client.auth(mechanism, getattr(client, method))

    return log_in


session("login", lambda client: client.login(USER, PASSWORD))
session("plain", with_password("auth_plain"))
session("old", with_password("auth_login"))
session("scram", lambda client: client.auth("SCRAM-SHA-256", Scram()))
session("late", lambda client: client.auth("SCRAM-SHA-256", Scram(), initial_response_ok=False))
