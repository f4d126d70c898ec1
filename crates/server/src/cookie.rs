//! The session cookie.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::services::Settings;

/// Browsers accept this name only with `Secure`, `Path=/` and no `Domain`.
const SECURE: &str = "__Host-playgate";
const PLAIN: &str = "playgate";

/// Seconds a session lasts, whatever happens: twelve hours.
pub(crate) const LIFETIME: i64 = 12 * 3600;

const fn name(settings: &Settings) -> &'static str {
    if settings.secure_cookies { SECURE } else { PLAIN }
}

/// The secret of the session cookie that came with a request. Where cookies are secure, the plain
/// name counts for nothing: a neighbour on the same host can plant it.
pub(crate) fn read(settings: &Settings, headers: &HeaderMap) -> Option<String> {
    let wanted = name(settings);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value.to_owned())
}

/// The header that gives a browser its session.
pub(crate) fn give(settings: &Settings, secret: &str) -> Option<HeaderValue> {
    set(settings, secret, LIFETIME)
}

/// The header that takes it away.
pub(crate) fn take(settings: &Settings) -> Option<HeaderValue> {
    set(settings, "", 0)
}

fn set(settings: &Settings, value: &str, age: i64) -> Option<HeaderValue> {
    let secure = if settings.secure_cookies { "; Secure" } else { "" };
    let name = name(settings);
    let text = format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> Settings {
        Settings::at(url.parse().unwrap())
    }

    #[test]
    fn over_https_the_cookie_is_host_bound_secure_and_out_of_scripts_reach() {
        let value = give(&settings("https://p.example"), "pgs_x").unwrap();
        assert_eq!(
            value.to_str().unwrap(),
            "__Host-playgate=pgs_x; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure"
        );
    }

    #[test]
    fn on_loopback_the_cookie_still_works_without_tls() {
        let value = give(&settings("http://127.0.0.1:8080"), "pgs_x").unwrap();
        assert_eq!(
            value.to_str().unwrap(),
            "playgate=pgs_x; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax"
        );
        let gone = take(&settings("http://127.0.0.1:8080")).unwrap();
        assert!(gone.to_str().unwrap().contains("Max-Age=0"));
    }

    #[test]
    fn over_https_a_cookie_that_a_neighbour_planted_counts_for_nothing() {
        let secure = settings("https://p.example");
        let mut headers = HeaderMap::new();
        let line = HeaderValue::from_static("a=b; playgate=planted; __Host-playgate=real");
        headers.insert(header::COOKIE, line);
        assert_eq!(read(&secure, &headers).as_deref(), Some("real"));
        headers.insert(header::COOKIE, HeaderValue::from_static("playgate=planted"));
        assert_eq!(read(&secure, &headers), None);
    }
}
