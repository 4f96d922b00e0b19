//! Questions to an engine's admin address.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked.
pub(crate) struct Asked<'a> {
    /// The page.
    pub(crate) path: &'a str,
    /// The secret of a token.
    pub(crate) token: Option<&'a str>,
    /// JSON that is said to it, by POST; else it is a GET.
    pub(crate) body: Option<&'a str>,
}

/// The body of a 200 answer to `GET path`; `None` for any other answer.
pub(crate) fn fetch(from: SocketAddr, path: &str) -> io::Result<Option<String>> {
    let (status, body) = ask(from, &Asked { path, token: None, body: None })?;
    Ok((status == 200).then_some(body))
}

/// Status and body of the answer.
pub(crate) fn ask(from: SocketAddr, asked: &Asked<'_>) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&from, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(request(from, asked)?.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let strange = || io::Error::other("what answers there is no admin address");
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(strange)?;
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|head| head.get(..3)?.parse().ok());
    Ok((status.ok_or_else(strange)?, body.to_owned()))
}

fn request(from: SocketAddr, asked: &Asked<'_>) -> io::Result<String> {
    let Asked { path, token, body } = *asked;
    if token.is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(io::Error::other("the file of the token holds more than a secret"));
    }
    let method = if body.is_some() { "POST" } else { "GET" };
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let media = "Content-Type: application/json\r\n";
    let length = body.map(|body| format!("{media}Content-Length: {}\r\n", body.len()));
    let (length, body) = (length.unwrap_or_default(), body.unwrap_or_default());
    Ok(format!(
        "{method} {path} HTTP/1.1\r\nHost: {from}\r\nConnection: close\r\n{token}{length}\r\n{body}"
    ))
}

#[cfg(test)]
mod tests {
    use super::{Asked, request};

    #[test]
    fn a_question_has_its_token_and_its_body() {
        let from = "127.0.0.1:8025".parse().unwrap();
        let asked = Asked { path: "/pause", token: Some("abc"), body: Some("{}") };
        assert_eq!(
            request(from, &asked).unwrap(),
            "POST /pause HTTP/1.1\r\nHost: 127.0.0.1:8025\r\nConnection: close\r\n\
             Authorization: Bearer abc\r\nContent-Type: application/json\r\n\
             Content-Length: 2\r\n\r\n{}"
        );
        let plain = Asked { path: "/queue", token: None, body: None };
        assert!(request(from, &plain).unwrap().starts_with("GET /queue HTTP/1.1\r\nHost: "));
        assert!(request(from, &Asked { token: Some("a\r\nb"), ..plain }).is_err());
    }
}
