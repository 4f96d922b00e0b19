"""Sends two messages to the relay on the port given, under TLS, to a relay it knows."""

import smtplib
import ssl
import sys

port, way, root = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl.create_default_context(cafile=root)


class Named(smtplib.SMTP):
    """Connects to an address, and expects the certificate of a name."""

    def starttls(self, *, context):
        self._host = "relay.test"
        return super().starttls(context=context)


class NamedSsl(smtplib.SMTP_SSL):
    """The same, from the first byte."""

    def _get_socket(self, host, port, timeout):
        self._host = "relay.test"
        return super()._get_socket(host, port, timeout)


if way == "starttls":
    client = Named("127.0.0.1", port, local_hostname="python.test", timeout=20)
    client.ehlo()
    assert client.has_extn("starttls")
    assert client.docmd("MAIL", "FROM:<a@python.test>")[0] == 530
    assert client.starttls(context=context)[0] == 220
else:
    client = NamedSsl("127.0.0.1", port, local_hostname="python.test", timeout=20, context=context)
with client:
    client.ehlo()
    assert not client.has_extn("starttls")
    assert client.docmd("STARTTLS")[0] in (502, 503)
    short = "Subject: short\n\nhello\n"
    assert client.sendmail("short@python.test", ["a@site.test"], short) == {}
    long = "Subject: long\n\n" + "..a line of a long message\n" * 15_000
    assert client.sendmail("long@python.test", ["a@site.test"], long) == {}
