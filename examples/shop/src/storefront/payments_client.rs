//! The storefront's calls to payments, with session and trace on them.

use std::net::SocketAddr;

use highlight_reqwest::UrlTemplate;
use reqwest::StatusCode;
use reqwest_middleware::ClientWithMiddleware;
use thiserror::Error;

use crate::payments::{Charge, Receipt};

#[derive(Debug, Clone)]
pub struct PaymentsClient {
    http: ClientWithMiddleware,
    address: SocketAddr,
}

#[derive(Debug, Error)]
pub enum PaymentsError {
    #[error("payments cannot be reached")]
    Unreachable(#[from] reqwest_middleware::Error),
    #[error("payments refused with {0}")]
    Refused(StatusCode),
    #[error("payments' answer is not understood")]
    Malformed(#[from] reqwest::Error),
}

impl PaymentsClient {
    pub fn new(address: SocketAddr) -> reqwest::Result<Self> {
        // Each call is a span, which payments' own becomes a child of. Session and trace go along if the host may know
        // them: private ones may, others are named in `Config::propagate_to`.
        let http = highlight_reqwest::client(reqwest::Client::builder())?;
        Ok(Self { http, address })
    }

    /// If the call fails, its span says so. The error is the caller's to report, or not.
    pub async fn charge(&self, charge: &Charge) -> Result<Receipt, PaymentsError> {
        let request = self.http.post(format!("http://{}/charges", self.address)).json(charge);
        let response = request.with_extension(UrlTemplate::new("/charges")).send().await?;
        if !response.status().is_success() {
            return Err(PaymentsError::Refused(response.status()));
        }
        Ok(response.json().await?)
    }
}
