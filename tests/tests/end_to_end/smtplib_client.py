"""Speaks to the relay on the port given, in every way smtplib can."""

import smtplib
import sys

HARD = "Subject: hard\n\n.\n..\n.one dot\n\n  blanks  \nlast, and no more\n"

with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), local_hostname="python.test", timeout=20) as client:
    code, _ = client.ehlo()
    assert code == 250
    for extension in ("pipelining", "size", "8bitmime", "smtputf8", "enhancedstatuscodes"):
        assert client.has_extn(extension), extension

    assert client.sendmail("hard@python.test", ["a@site.test"], HARD) == {}
    assert client.sendmail(
        "eight@python.test", ["a@site.test"], "Subject: eight\r\n\r\ngrüße\r\n".encode(), ["BODY=8BITMIME"]
    ) == {}
    many = [f"mailbox-{number}@site.test" for number in range(50)]
    assert client.sendmail("many@python.test", many, "Subject: many\n\nhello\n") == {}

    # Wrong turns are answered, and the session goes on.
    assert client.docmd("DATA")[0] == 503
    assert client.docmd("RCPT", "TO:<a@site.test>")[0] == 503
    assert client.docmd("NONSENSE")[0] == 500
    assert client.docmd("MAIL", "FROM:<a b@site.test>")[0] == 553
    assert client.docmd("MAIL", "FROM:<a@python.test> SIZE=99999999999")[0] == 552
    assert client.vrfy("a@site.test")[0] == 252
    assert client.mail("a@python.test")[0] == 250
    assert client.rset()[0] == 250
    assert client.docmd("DATA")[0] == 503
    assert client.noop()[0] == 250

# An old client, without extensions.
with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=20) as client:
    assert client.helo("old.test")[0] == 250
    assert client.mail("old@python.test")[0] == 250
    assert client.quit()[0] == 221
