//! The client and its middleware.

use highlight::{Client, http::UrlTemplate};
use http::Extensions;
use reqwest::{Request, RequestBuilder, Response, redirect::Policy};
use reqwest_middleware::{ClientWithMiddleware, Middleware, Next};

use crate::{
    attempt::Attempt,
    redirects::{self, Onward},
};

/// Builds a client whose calls are recorded, and take session and trace along to the hosts that may know them.
///
/// Short for [`HighlightClientMiddleware::new`] with no other middleware beside it.
///
/// # Errors
///
/// Those of [`reqwest::ClientBuilder::build`].
pub fn client(builder: reqwest::ClientBuilder) -> reqwest::Result<ClientWithMiddleware> {
    let highlight = HighlightClientMiddleware::new(builder)?;
    Ok(reqwest_middleware::ClientBuilder::new(highlight.http().clone()).with(highlight).build())
}

/// Records each call, and takes session and trace along to the hosts that may know them.
///
/// It comes with the reqwest client that it [was built with](Self::new), because only a client that follows
/// [redirects](crate#redirects) with care may carry the headers. It is a middleware for that client, and by
/// [`send`](Self::send) and [`execute`](Self::execute) it does without `reqwest-middleware`. Cloning is cheap.
#[derive(Debug, Clone)]
#[must_use = "a middleware does nothing until a client is built with it, or it sends something"]
pub struct HighlightClientMiddleware {
    http: reqwest::Client,
    client: Option<Client>,
    /// The client adds them to whatever is sent, so nothing may be sent on to a stranger.
    adds_credentials: bool,
}

impl HighlightClientMiddleware {
    /// Builds the client, with a redirect policy that is as reqwest's default, but takes our headers to no host that
    /// may not see them.
    ///
    /// A policy that the builder has already is replaced; see [`with_redirect_policy`](Self::with_redirect_policy).
    ///
    /// # Errors
    ///
    /// Those of [`reqwest::ClientBuilder::build`].
    pub fn new(builder: reqwest::ClientBuilder) -> reqwest::Result<Self> {
        Self::with_redirect_policy(builder, |ours| ours)
    }

    /// Builds the client with a redirect policy of the program's own, which ends in ours.
    ///
    /// Where a redirect leaves the allowed hosts the request is sent anew, so that `previous` begins anew, too.
    ///
    /// ```
    /// use highlight_reqwest::HighlightClientMiddleware;
    /// use reqwest::redirect::Policy;
    ///
    /// # fn main() -> reqwest::Result<()> {
    /// let highlight = HighlightClientMiddleware::with_redirect_policy(reqwest::Client::builder(), |ours| {
    ///     Policy::custom(move |attempt| match attempt.url().scheme() {
    ///         "https" => ours.redirect(attempt),
    ///         _ => attempt.stop(),
    ///     })
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`reqwest::ClientBuilder::build`].
    pub fn with_redirect_policy(
        builder: reqwest::ClientBuilder,
        policy: impl FnOnce(Policy) -> Policy,
    ) -> reqwest::Result<Self> {
        let http = builder.redirect(policy(redirects::policy())).build()?;
        Ok(Self::assume_safe_redirects(http))
    }

    /// Takes a client as it is, on the program's word that its redirects are safe.
    ///
    /// They are if it follows none ([`Policy::none`]), or if no allowed host redirects to one that must not learn of
    /// a session: reqwest takes the headers along with every redirect.
    pub fn assume_safe_redirects(http: reqwest::Client) -> Self {
        Self { adds_credentials: redirects::adds_credentials(&http), http, client: None }
    }

    /// Reports to `client` in place of that of the current request or, outside of any, the process-wide one.
    pub fn with_client(mut self, client: Client) -> Self {
        self.client = Some(client);
        self
    }

    /// The reqwest client that this belongs to. What it sends by itself is neither recorded nor told anything.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Sends a request, recorded, in place of [`RequestBuilder::send`]: by [our client](Self::http), whichever made
    /// the builder.
    ///
    /// # Errors
    ///
    /// Those of [`RequestBuilder::send`].
    pub async fn send(&self, builder: RequestBuilder) -> reqwest::Result<Response> {
        self.execute(builder.build()?).await
    }

    /// Sends a request, recorded, in place of [`reqwest::Client::execute`].
    ///
    /// # Errors
    ///
    /// Those of [`reqwest::Client::execute`].
    pub async fn execute(&self, mut request: Request) -> reqwest::Result<Response> {
        let Some(mut attempt) = Attempt::start(&mut request, None, 0, self.client.as_ref()) else {
            return self.http.execute(request).await;
        };
        let result = attempt.run(|| self.http.execute(request)).await;
        let onward = attempt.onward(&result).filter(|_| !self.adds_credentials);
        let result = attempt.end(result);
        match onward {
            Some(onward) => self.go_on(onward, 1).await,
            None => result,
        }
    }

    /// Goes on to where a redirect left the allowed hosts. Other middleware is not asked again, as with any redirect.
    async fn go_on(&self, onward: Onward, resend_count: u32) -> reqwest::Result<Response> {
        let Some(attempt) = Attempt::go_on(&onward, resend_count, self.client.as_ref()) else {
            return self.http.execute(onward.request).await;
        };
        let result = attempt.run(|| self.http.execute(onward.request)).await;
        attempt.end(result)
    }
}

#[async_trait::async_trait]
impl Middleware for HighlightClientMiddleware {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let template = extensions.get::<UrlTemplate>().cloned();
        let sent = Sent::count(extensions);
        let attempt = Attempt::start(&mut request, template.as_ref(), sent, self.client.as_ref());
        let Some(mut attempt) = attempt else { return next.run(request, extensions).await };
        let result = attempt.run(|| next.run(request, extensions)).await;
        let onward = attempt.onward(&result).filter(|_| !self.adds_credentials);
        let result = attempt.end(result);
        match onward {
            Some(onward) => Ok(self.go_on(onward, Sent::count(extensions)).await?),
            None => result,
        }
    }
}

/// How often a call was sent; kept in its extensions, which a retrying middleware passes on.
#[derive(Debug, Clone, Default)]
struct Sent(u32);

impl Sent {
    fn count(extensions: &mut Extensions) -> u32 {
        let sent = extensions.get_or_insert_default::<Self>();
        let before = sent.0;
        sent.0 = before.saturating_add(1);
        before
    }
}
