//! Where an image came from, for messages.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A file, and the image in it where the file holds many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: Arc<Path>,
    /// Where in the file.
    pub spot: Spot,
}

/// Where in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spot {
    /// The file is one image.
    Whole,
    /// A row of a table, counted from 0.
    Row(u64),
    /// A record of fixed size.
    Record {
        /// Counted from 0.
        index: u64,
        /// Of its first byte, from the start of the file.
        offset: u64,
    },
    /// A file in an archive, by its name.
    Entry(Arc<str>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        match &self.spot {
            Spot::Whole => Ok(()),
            Spot::Row(row) => write!(f, ", row {row}"),
            Spot::Record { index, offset } => write!(f, ", record {index} (byte {offset})"),
            // Names in archives are anybody's: nothing in them may reach a terminal as a command.
            Spot::Entry(name) => write!(f, ", entry {}", name.escape_debug()),
        }
    }
}
