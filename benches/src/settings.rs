//! Sizes on a command line: `n_layer=6 n_embd=128 …`, the same words for both sides.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Result};

/// Settings by name, taken out one by one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Reads `key=value` words; the last of equal keys counts.
    pub(crate) fn read(words: &[impl AsRef<str>]) -> Result<Self> {
        let pair = |word: &str| {
            let (key, value) = word.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        };
        let pairs = words.iter().map(|word| {
            let word = word.as_ref();
            pair(word).ok_or_else(|| Error::Setting(format!("`{word}` is not of the form key=value")))
        });
        pairs.collect::<Result<_>>().map(Self)
    }

    /// Takes one that has to be there.
    pub(crate) fn take<T: DeserializeOwned>(&mut self, key: &str) -> Result<T> {
        self.take_any(key)?.ok_or_else(|| Error::Setting(format!("no `{key}=` was given")))
    }

    /// Takes one that has a default.
    pub(crate) fn take_or<T: DeserializeOwned>(&mut self, key: &str, default: T) -> Result<T> {
        Ok(self.take_any(key)?.unwrap_or(default))
    }

    fn take_any<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>> {
        let Some(text) = self.0.remove(key) else { return Ok(None) };
        // Numbers and truth values as JSON has them; everything else is text.
        let value = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.clone()));
        let parsed = serde_json::from_value(value).or_else(|_| serde_json::from_value(Value::String(text)));
        parsed.map(Some).map_err(|e| Error::Setting(format!("{key}: {e}")))
    }

    /// Refuses what nobody has taken.
    pub(crate) fn finish(self) -> Result<()> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(key) => Err(Error::Setting(format!("`{key}` is not a setting of this work"))),
        }
    }
}

/// Where a measurement takes place.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The folder of prepared files.
    pub(crate) dir: PathBuf,
    /// Where networks run.
    pub(crate) device: String,
}

impl Place {
    /// Takes the settings that every work has.
    pub(crate) fn take(settings: &mut Settings) -> Result<Self> {
        // Ours are set by the environment, peers are told.
        settings.take_or("threads", 0)?;
        Ok(Self {
            dir: settings.take_or("dir", ".".into())?,
            device: settings.take_or("device", "cpu".into())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_typed_values_and_none_is_overlooked() {
        let mut settings = Settings::read(&["n=3", "l2=1e-4", "device=cpu", "dir=7", "n=4", "x=1"]).unwrap();
        assert_eq!(settings.take::<usize>("n").unwrap(), 4);
        assert_eq!(settings.take::<f64>("l2").unwrap(), 1e-4);
        let place = Place::take(&mut settings).unwrap();
        assert_eq!((place.device.as_str(), place.dir), ("cpu", PathBuf::from("7")));
        assert_eq!(settings.clone().take::<usize>("y").unwrap_err().to_string(), "no `y=` was given");
        assert_eq!(settings.finish().unwrap_err().to_string(), "`x` is not a setting of this work");
        assert!(Settings::read(&["n"]).is_err());
        assert!(Settings::read(&["n=many"]).unwrap().take::<usize>("n").is_err());
    }
}
