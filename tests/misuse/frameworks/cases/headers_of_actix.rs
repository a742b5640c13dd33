//! Actix has a header map of its own.

use actix_web::HttpRequest;

fn main() {
    fn session(request: &HttpRequest) -> Option<String> {
        highlight::parse_headers(request.headers()).session_id().map(str::to_owned)
    }
    let _ = session;
}
