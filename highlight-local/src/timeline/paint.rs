//! Colour, when asked for.

/// What a text is.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Style {
    Strong,
    Faint,
    Good,
    Warning,
    Bad,
    Bar,
    Service,
    Id,
}

/// Colours texts, or leaves them alone.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    color: bool,
}

impl Paint {
    /// Whether to color at all.
    #[must_use]
    pub const fn new(color: bool) -> Self {
        Self { color }
    }

    /// The text as it looks.
    #[must_use]
    pub fn style(self, style: Style, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let code = match style {
            Style::Strong => "1",
            Style::Faint => "2",
            Style::Good => "32",
            Style::Warning => "33",
            Style::Bad => "31",
            Style::Bar => "34",
            Style::Service => "36",
            Style::Id => "35",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}
