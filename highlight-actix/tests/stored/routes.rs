//! The span is named by the route, however the routes are nested and wherever the middleware stands.

use actix_web::{
    HttpResponse, guard,
    middleware::NormalizePath,
    web::{self, ServiceConfig},
};
use highlight_local::model::Temporality;

use crate::service::{Service, Setup, attribute, only_span};

async fn ok() -> &'static str {
    "ok"
}

fn routes(config: &mut ServiceConfig) {
    let posts = web::scope("/{user}").service(web::resource("/posts/{post}").to(ok));
    let orders = web::scope("/orders")
        .route("/{id}", web::get().to(ok))
        .service(web::scope("/of").default_service(web::to(HttpResponse::ImATeapot)));
    config
        .route("/", web::get().to(ok))
        .route("/only-get", web::get().to(ok))
        .service(web::resource("/get-or-put").route(web::get().to(ok)).route(web::put().to(ok)))
        .route("/made/{name}", web::post().to(HttpResponse::Created))
        .service(orders)
        .service(web::scope("/api").service(web::scope("/v1").service(web::scope("/users").service(posts))))
        .service(web::resource("/guarded").guard(guard::Header("x-key", "right")).to(ok))
        .service(web::resource("/by-method/{read}").guard(guard::Get()).to(ok))
        .service(web::resource("/by-method/{written}").guard(guard::Post()).to(ok));
}

const TABLE: [(&str, &str, &str, Option<&str>, u16); 15] = [
    ("GET", "/", "GET /", Some("/"), 200),
    ("GET", "/orders/7?page=2", "GET /orders/{id}", Some("/orders/{id}"), 200),
    (
        "GET",
        "/api/v1/users/9/posts/3",
        "GET /api/v1/users/{user}/posts/{post}",
        Some("/api/v1/users/{user}/posts/{post}"),
        200,
    ),
    ("POST", "/made/a", "POST /made/{name}", Some("/made/{name}"), 201),
    ("POST", "/get-or-put", "POST /get-or-put", Some("/get-or-put"), 405),
    ("GET", "/by-method/7", "GET /by-method/{read}", Some("/by-method/{read}"), 200),
    ("POST", "/by-method/7", "POST /by-method/{written}", Some("/by-method/{written}"), 200),
    ("BREW", "/get-or-put", "HTTP /get-or-put", Some("/get-or-put"), 405),
    ("GET", "/no/such/path", "GET", None, 404),
    ("GET", "/orders", "GET", None, 404),
    ("GET", "/orders/7/none", "GET", None, 404),
    ("GET", "/orders/of/whom", "GET", None, 418),
    ("GET", "/guarded", "GET", None, 404),
    ("POST", "/only-get", "POST", None, 404),
    ("PUT", "/by-method/7", "PUT", None, 404),
];

#[test]
fn spans_are_named_by_method_and_matched_route() {
    for (method, path, name, route, status) in TABLE {
        let service = Service::new(routes);
        assert_eq!(service.send(method, path).status, status, "{method} {path}");
        let stored = service.stored();
        let span = only_span(&stored);
        assert_eq!(span.name, name, "{method} {path}");
        assert_eq!(span.kind, "Server");
        assert_eq!(attribute(span, "http.route"), route, "{method} {path}");
        assert_eq!(span.attributes["http.response.status_code"], status.to_string());
        assert_eq!(span.status_code, "Unset", "a 4xx is no failure of the server");

        let duration = stored.metrics.iter().find(|it| it.name == "http.server.request.duration").unwrap();
        let label = duration.attributes.get("http.route").map(String::as_str);
        assert_eq!(label, route, "{method} {path}");
    }
}

#[test]
fn a_middleware_that_rewrites_the_path_decides_the_route() {
    let service = Service::new(|config| {
        let scope = web::scope("/a")
            .wrap(NormalizePath::trim())
            .service(web::scope("/b").route("/{name}", web::get().to(ok)));
        config.service(scope);
    });
    assert_eq!(service.send("GET", "/a/b//7").status, 200);
    let span = service.stored_span();
    assert_eq!(span.name, "GET /a/b/{name}");
    assert_eq!(attribute(&span, "url.path"), Some("/a/b//7"), "the path is as it was sent");
}

#[test]
fn wrapped_scopes_see_the_whole_route_and_nothing_of_the_others() {
    let setup = Setup { wrap_app: false, ..Setup::default() };
    let service = Service::with(setup, |config, middleware| {
        let inner = web::scope("/users").wrap(middleware.clone()).route("/{id}", web::get().to(ok));
        config.service(web::scope("/api").service(inner).route("/open", web::get().to(ok)));
    });
    assert_eq!(service.send("GET", "/api/open").status, 200);
    assert_eq!(service.send("GET", "/api/users/7").status, 200);
    assert_eq!(service.stored_span().name, "GET /api/users/{id}");
}

#[test]
fn wrapped_resources_see_it_too() {
    let setup = Setup { wrap_app: false, ..Setup::default() };
    let service = Service::with(setup, |config, middleware| {
        let resource = web::resource("/{id}").wrap(middleware.clone()).to(ok);
        config.service(web::scope("/users").service(resource));
    });
    assert_eq!(service.send("GET", "/users/7").status, 200);
    assert_eq!(service.stored_span().name, "GET /users/{id}");
}

#[test]
fn app_and_scope_wrapped_make_one_span() {
    let service = Service::with(Setup::default(), |config, middleware| {
        let scope = web::scope("/users").wrap(middleware.clone()).route("/{id}", web::get().to(ok));
        config.service(scope);
    });
    assert_eq!(service.send("GET", "/users/7").status, 200);
    assert_eq!(service.stored_span().name, "GET /users/{id}");
}

#[test]
fn the_duration_is_measured() {
    let service = Service::new(routes);
    service.send("GET", "/orders/7");
    let metrics = service.stored().metrics;
    let duration = metrics.iter().find(|metric| metric.name == "http.server.request.duration").unwrap();
    assert_eq!(duration.unit, "s");
    assert_eq!(duration.attributes["http.route"], "/orders/{id}");
    assert_eq!(duration.attributes["http.response.status_code"], "200");
    assert_eq!(duration.sent_temporality, Some(Temporality::Delta));
    assert!(duration.origin.session_id.is_empty(), "a session would multiply the series");
}
