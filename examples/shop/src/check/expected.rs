//! What each request must leave behind at the server, and nothing else.

use highlight_local::model::Level;

use crate::browser::Call;

pub struct Expected {
    pub request: &'static str,
    pub status: u16,
    pub spans: &'static [&'static str],
    pub logs: &'static [&'static str],
    pub error: Option<ExpectedError>,
}

pub struct ExpectedError {
    pub message: &'static str,
    pub level: Level,
    pub causes: usize,
    /// Where the stack begins.
    pub function: &'static str,
}

impl Expected {
    pub fn of(call: &Call) -> Option<&'static Self> {
        EXPECTED.iter().find(|expected| expected.request == call.to_string())
    }
}

/// What a request leaves behind that does nothing special.
const PLAIN: Expected = Expected { request: "", status: 200, spans: &[], logs: &[], error: None };

const EXPECTED: &[Expected] = &[
    Expected { request: "GET /", spans: &["storefront: GET /"], ..PLAIN },
    Expected {
        request: "GET /api/products",
        spans: &["storefront: GET /api/products"],
        logs: &["storefront: products listed"],
        ..PLAIN
    },
    Expected {
        request: "POST /api/checkout",
        spans: &[
            "storefront: POST /api/checkout",
            "storefront: POST /charges",
            "payments: POST /charges",
            "payments: authorize card",
            "payments: capture payment",
        ],
        logs: &["payments: card accepted", "payments: card charged", "storefront: order placed"],
        ..PLAIN
    },
    Expected {
        request: "GET /api/fail",
        status: 500,
        spans: &["storefront: GET /api/fail"],
        logs: &[
            "storefront: the order was not placed: the payment did not go through: the card gateway does not answer: \
             connection reset",
        ],
        error: Some(ExpectedError {
            message: "the order was not placed",
            level: Level::Error,
            causes: 3,
            function: "shop::storefront::failures::fail",
        }),
    },
    Expected {
        request: "GET /api/panic",
        status: 500,
        spans: &["storefront: GET /api/panic"],
        // The panic itself, and the line that the catch-panic layer writes.
        logs: &[
            "storefront: index out of bounds: the len is 0 but the index is 0",
            "storefront: Service panicked: index out of bounds: the len is 0 but the index is 0",
        ],
        error: Some(ExpectedError {
            message: "index out of bounds: the len is 0 but the index is 0",
            level: Level::Fatal,
            causes: 0,
            function: "shop::storefront::failures::panic",
        }),
    },
    Expected {
        request: "GET /api/stream",
        spans: &["storefront: GET /api/stream"],
        logs: &["storefront: part sent", "storefront: part sent", "storefront: part sent"],
        ..PLAIN
    },
    Expected {
        request: "POST /api/jobs",
        status: 202,
        spans: &["storefront: POST /api/jobs", "storefront: send invoice"],
        logs: &["storefront: invoice sent"],
        ..PLAIN
    },
    Expected {
        request: "GET /api/report",
        spans: &["storefront: GET /api/report", "storefront: sum up the year"],
        logs: &["storefront: year summed up"],
        ..PLAIN
    },
    Expected {
        request: "GET /api/missing/42",
        status: 404,
        spans: &["storefront: GET /api/missing/{id}"],
        logs: &["storefront: no such product"],
        ..PLAIN
    },
];
