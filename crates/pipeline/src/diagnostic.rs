//! A message about a pipeline file that points at the place it is about.

use std::fmt;

/// A place in the pipeline file or in a `--set` option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file as the user named it, or the whole option.
    pub origin: String,
    /// The line, from 1; none for an option.
    pub line: Option<usize>,
    /// The column, from 1, in characters.
    pub column: usize,
    /// How many characters to underline.
    pub width: usize,
    /// The line itself.
    pub text: String,
}

/// What is wrong with a pipeline, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The place.
    pub at: Box<Location>,
    /// What is wrong.
    pub message: String,
    /// What to do or what is valid there.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A message without help.
    pub fn new(at: Location, message: impl Into<String>) -> Self {
        Self { at: at.into(), message: message.into(), help: None }
    }

    /// Adds help, if there is some.
    #[must_use]
    pub fn help(mut self, help: impl Into<Option<String>>) -> Self {
        self.help = help.into();
        self
    }
}

/// Written as `FILE:LINE:COLUMN: message`, the line with a mark under the place, and help.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Location { origin, line, column, width, text } = &*self.at;
        f.write_str(origin)?;
        if let Some(line) = line {
            write!(f, ":{line}:{column}")?;
        }
        let number = line.map(|line| line.to_string()).unwrap_or_default();
        let gutter = number.len().max(1);
        // Tabs stay tabs, so that the mark lines up however wide a terminal shows them.
        let blank = |c| if c == '\t' { '\t' } else { ' ' };
        let before: String = text.chars().take(column - 1).map(blank).collect();
        let room = text.chars().count().saturating_sub(column - 1);
        let mark = "^".repeat((*width).min(room).max(1));
        write!(f, ": {}\n{:gutter$} |\n", self.message, "")?;
        write!(f, "{number:>gutter$} | {text}\n{:gutter$} | {before}{mark}", "")?;
        match &self.help {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

/// All that is wrong with a pipeline, as far as one pass can tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join("\n\n"))
    }
}

impl std::error::Error for Diagnostics {}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Self(vec![one])
    }
}

impl Diagnostics {
    /// Gives `value` if nothing is wrong.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// Adds one, unless it has been said: an entry that is like another has its mistakes too.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if !self.0.contains(&diagnostic) {
            self.0.push(diagnostic);
        }
    }
}
