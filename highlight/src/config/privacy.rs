//! The options of privacy: what is taken out of everything that is sent, and the program's last word on it.

use std::borrow::Cow;

use super::{
    Config, InitError,
    env::Env,
    error::{CODE, Remedy},
    options::{self, OptionDoc},
};
use crate::{
    Outgoing,
    before_send::BeforeSend,
    redact::{KeyPattern, RedactFn, Redactor, TextPattern},
};

/// What must not leave the process. [What leaves the process](crate#what-leaves-the-process) has the whole of it.
impl Config {
    /// Whether secrets are replaced by `[REDACTED]` before anything is sent, in spans, logs, errors, metrics and the resource:
    ///
    /// | found by | where | what |
    /// |---|---|---|
    /// | name | attributes, at any depth; JSON, `key=value`, `key: value` and `Debug` output in any text | passwords, passphrases, secrets, tokens, API, access and private keys, credentials, signatures, cookies, web sessions, CSRF tokens, card and social-security numbers; where a machine has written them also `pass`, `pin`, `otp`, `cc_number` |
    /// | name | parameters of URLs and forms, in any text, also percent-encoded inside of another URL | the same, and `code`, `key`, `session`, `sid`, `sig`, `otp`, `pin`, `auth` |
    /// | place | any URL, in any text | user name and password before the host |
    /// | look | any text | `Bearer x`, `Basic x`, `Token x`; JSON Web Tokens; private keys in PEM; tokens and keys of AWS, GitHub, GitLab, Google, Slack, Stripe and a dozen more; card numbers that pass their check |
    ///
    /// Names count in any case, with any separators, percent-encoded or in brackets, and by how they end: `STRIPE_API_KEY`,
    /// `user[password]`, `X-Auth-Token`. `token`, `cookie`, `signature`, `credentials` and `authorization` alone are words as well: in `token: x`, unlike in
    /// `token=x`, `"token": "x"` and as an attribute's name, the value must look like one. Truth values stay: `has_token=true` tells no secret. `highlight.session_id`, `highlight.trace_id`
    /// and the project are never touched.
    ///
    /// `pass`, `pin`, `otp` and `cc_number` are whole names, and count as attributes, in quotes (`"pin": 1234`), before a text in quotes (`pass: "x"`) and as
    /// parameters, not in `pin: 7` or `bypass`. `tokens` counts in the same places but for attributes, and only with texts: `"tokens": ["x"]`, not
    /// `"tokens": 512`. `input_tokens` and other counts, `code`, `key` and `session` outside of parameters, and `public_key` stay open.
    ///
    /// **What it cannot know**: a password in a sentence (`the password is x`), personal data, the second word of a value without
    /// quotes. A number of 16 digits that is no card's is taken for one in about 1 of 45 cases.
    ///
    /// It happens on the worker, not on the request's path. Where nothing is secret the worker takes 1.0 to 1.3 times as long
    /// for a log, 1.2 to 1.5 times for a span of eleven attributes, and 1.3 times for an error without a stack: medians of paired runs of
    /// `benches/redact.rs` on two cores. See [`redact_key`](Self::redact_key),
    /// [`redact_pattern`](Self::redact_pattern) and [`redact_with`](Self::redact_with) for more, and
    /// [`redact_except`](Self::redact_except) for less. Switched off, all of these are.
    ///
    /// Environment: `HIGHLIGHT_REDACT`. Default: `true`.
    pub fn redact(mut self, redact: bool) -> Self {
        self.redact = Some(redact);
        self
    }

    /// One more name whose value is secret: of attributes, parameters, and fields in texts. Case and separators do not count; `*`
    /// stands for any characters.
    ///
    /// The whole name or its last part (after `.` or in brackets) must fit: `iban` means `customer.iban` and `IBAN`, not
    /// `iban_country`; `customer.*` means all of the customer.
    ///
    /// ```
    /// let config = highlight::Config::new("1").redact_key("iban").redact_key("*birth*");
    /// # drop(config);
    /// ```
    ///
    /// May be given several times. Environment: `HIGHLIGHT_REDACT_KEYS`, separated by commas; adds to what code lists. Default: none.
    pub fn redact_key(mut self, name: impl Into<String>) -> Self {
        self.redact_keys.push(name.into());
        self
    }

    /// Words that are secret wherever they stand in a text: `#` is a digit, `?` a letter or digit, `*` any number of these and of
    /// `-` and `_`, up to 512 of them where more of the pattern follows. Everything else is itself, and case counts.
    ///
    /// ```
    /// let config = highlight::Config::new("1")
    ///     .redact_pattern("EMP-######")   // EMP-004711
    ///     .redact_pattern("cus_*")        // cus_9s6XKzkNRiz8i3
    ///     .redact_pattern("###-##-####"); // a social-security number
    /// # drop(config);
    /// ```
    ///
    /// For regular expressions use [`redact_with`](Self::redact_with): they would be by far the largest dependency of this crate.
    ///
    /// May be given several times. Environment: `HIGHLIGHT_REDACT_PATTERNS`, separated by commas; adds to what code lists. Default: none.
    pub fn redact_pattern(mut self, pattern: impl Into<String>) -> Self {
        self.redact_patterns.push(pattern.into());
        self
    }

    /// A function that each text goes through before it is searched: it gets the attribute's name (empty for names, bodies and
    /// messages) and the text, and gives what is left of it.
    ///
    /// ```
    /// let config = highlight::Config::new("1").redact_with(|key, text| match key {
    ///     "user.email" => "[REDACTED]".into(),
    ///     _ => text.replace("acme", "[CUSTOMER]").into(),
    /// });
    /// # drop(config);
    /// ```
    ///
    /// With the crate `regex`: `redact_with(move |_, text| regex.replace_all(text, "[REDACTED]"))`.
    ///
    /// It runs on the worker, for every text that is sent. If it panics, that text is not sent but replaced as a whole. Environment: none. Default: none.
    pub fn redact_with(
        mut self,
        function: impl for<'a> Fn(&str, &'a str) -> Cow<'a, str> + Send + Sync + 'static,
    ) -> Self {
        self.redact_with = Some(RedactFn::new(function));
        self
    }

    /// A name whose value is not secret, although it sounds so. Written as for [`redact_key`](Self::redact_key), which it beats.
    ///
    /// An attribute of that name is sent as it is, whatever is in its text; a parameter or a field in a text is not taken for a secret because of its name.
    ///
    /// ```
    /// let config = highlight::Config::new("1").redact_except("next_page_token");
    /// # drop(config);
    /// ```
    ///
    /// May be given several times. Environment: `HIGHLIGHT_REDACT_EXCEPT`, separated by commas; adds to what code lists. Default: none.
    pub fn redact_except(mut self, name: impl Into<String>) -> Self {
        self.redact_except.push(name.into());
        self
    }

    /// A function that sees everything before it is sent, may edit it, and says whether it is sent: `false` drops it.
    ///
    /// ```
    /// use highlight::{Config, OutgoingKind};
    ///
    /// let config = Config::new("1").before_send(|item| {
    ///     if item.kind() == OutgoingKind::Log && item.text().starts_with("heartbeat") {
    ///         return false;
    ///     }
    ///     item.remove_attribute("user.email");
    ///     true
    /// });
    /// # drop(config);
    /// ```
    ///
    /// It runs on the worker, **before redaction**: what it adds is redacted as well, and what it sees is not redacted yet. An error's text is also
    /// the [status](crate::Outgoing::status_description) of the span that it was reported in. A span's events
    /// and links, an error's causes and its stack are not shown. What it drops is counted ([`Dropped::before_send`](crate::Dropped::before_send)) and is no loss: a flush succeeds. If it
    /// panics, the item is dropped too.
    ///
    /// Environment: none. Default: none.
    pub fn before_send(
        mut self,
        function: impl Fn(&mut Outgoing<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.before_send = Some(BeforeSend::new(function));
        self
    }

    pub(super) fn resolve_redactor(&self, env: &Env<'_>) -> Result<Redactor, InitError> {
        let names = Remedy::Borrowed("name an attribute or parameter, such as `iban` or `customer.*`");
        let words = Remedy::Borrowed(
            "write a word with some character of its own and at most four `*`, such as `EMP-####`",
        );
        Ok(Redactor {
            keys: patterns(env, &options::REDACT_KEY, &self.redact_keys, KeyPattern::parse, &names)?,
            patterns: patterns(
                env,
                &options::REDACT_PATTERN,
                &self.redact_patterns,
                TextPattern::parse,
                &words,
            )?,
            except: patterns(env, &options::REDACT_EXCEPT, &self.redact_except, KeyPattern::parse, &names)?,
            function: self.redact_with.clone(),
        })
    }
}

/// What code and the environment list.
fn patterns<T>(
    env: &Env<'_>,
    option: &OptionDoc,
    code: &[String],
    parse: fn(&str) -> Option<T>,
    remedy: &Remedy,
) -> Result<Vec<T>, InitError> {
    let listed = env.first(option.env);
    let of_env = listed.iter().flat_map(|(variable, list)| list.split(',').map(|text| (*variable, text)));
    code.iter()
        .map(|text| (CODE, text.as_str()))
        .chain(of_env)
        .map(|(source, text)| (source, text.trim()))
        .filter(|(_, text)| !text.is_empty())
        .map(|(source, text)| {
            parse(text).ok_or_else(|| InitError::invalid(option.name, source, text, remedy.clone()))
        })
        .collect()
}
