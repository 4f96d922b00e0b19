//! Whether somebody is let in, and who it is.

use super::{Door, Role, Token};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Who asks: the name of a token, or whoever is on this host where no tokens are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct By(pub(super) Box<str>);

/// Why a question is not answered.
pub(super) type Refusal = (StatusCode, Json<Value>);

/// Refuses, in words.
pub(super) fn refuse(status: StatusCode, words: &str) -> Refusal {
    (status, Json(json!({ "error": words })))
}

/// Lets in who may have a page of this role.
pub(super) async fn admit(
    State((door, role)): State<(Arc<Door>, Role)>,
    mut request: Request,
    next: Next,
) -> Response {
    match who(&door.tokens, request.headers(), role) {
        Ok(by) => {
            request.extensions_mut().insert(by);
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

fn who(tokens: &[Token], headers: &HeaderMap, role: Role) -> Result<By, Refusal> {
    if !is_meant(headers) {
        let words = "the Host field names another host: use the address of this door, or localhost";
        return Err(refuse(StatusCode::MISDIRECTED_REQUEST, words));
    }
    if tokens.is_empty() {
        return Ok(By("loopback".into()));
    }
    let said = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let secret = said.and_then(|said| said.strip_prefix("Bearer "));
    let Some(token) = secret.and_then(|secret| Token::of(tokens, secret.trim())) else {
        return Err(refuse(
            StatusCode::UNAUTHORIZED,
            "no token of ours: Authorization: Bearer ...",
        ));
    };
    if token.role < role {
        let words =
            format!("{} is a {}, and this is for a {}", token.name, token.role.name(), role.name());
        return Err(refuse(StatusCode::FORBIDDEN, &words));
    }
    Ok(By(token.name.clone()))
}

/// Whether whoever asks means us: a page of somebody else that a browser on this host shows could
/// have its own name point here, and ask in the browser's name.
fn is_meant(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else {
        return true;
    };
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.eq_ignore_ascii_case("localhost")
        || host.parse::<SocketAddr>().is_ok()
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::{By, Role, Token, is_meant, who};
    use axum::http::{HeaderMap, StatusCode, header};

    fn headers(host: &str, secret: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(secret) = secret {
            let said = format!("Bearer {secret}");
            headers.insert(header::AUTHORIZATION, said.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_token_lets_in_where_its_role_may() {
        let (secret, digest) = Token::secret().unwrap();
        let tokens = [Token::new("anna", Role::Operator, &digest).unwrap()];
        let ask = |secret: Option<&str>, role| {
            let met = who(&tokens, &headers("127.0.0.1:8025", secret), role);
            met.map_err(|(status, _)| status)
        };
        let anna = Ok(By("anna".into()));
        assert_eq!(ask(Some(&secret), Role::Monitor), anna);
        assert_eq!(ask(Some(&secret), Role::Operator), anna);
        assert_eq!(ask(Some(&secret), Role::Admin), Err(StatusCode::FORBIDDEN));
        for wrong in [None, Some(""), Some("x"), Some(digest.as_str())] {
            assert_eq!(ask(wrong, Role::Monitor), Err(StatusCode::UNAUTHORIZED), "{wrong:?}");
        }
        let loopback = who(&[], &headers("localhost", None), Role::Admin);
        assert_eq!(loopback.unwrap(), By("loopback".into()));
    }

    #[test]
    fn nobody_is_obeyed_who_means_another_host() {
        for (host, meant) in [
            ("127.0.0.1:8025", true),
            ("[::1]:8025", true),
            ("[::1]", true),
            ("localhost:8025", true),
            ("LOCALHOST", true),
            ("evil.example", false),
            ("evil.example:8025", false),
            ("127.0.0.1.evil.example", false),
        ] {
            assert_eq!(is_meant(&headers(host, None)), meant, "{host}");
        }
    }
}
