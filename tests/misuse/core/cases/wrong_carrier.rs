//! Headers are read from headers, and written to headers.

use highlight::propagation;

struct Message;

fn main() {
    let mut request = http::Request::new(());
    let _ = highlight::parse_headers(&request);
    let _ = highlight::parse_headers(&Message);
    propagation::inject(&mut request);
    propagation::inject(&mut Message);
    propagation::inject_for(&http::Uri::default(), &mut request.headers_mut());
}
