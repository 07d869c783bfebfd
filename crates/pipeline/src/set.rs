//! `--set ENTRY.PARAM=VALUE`: a parameter given on the command line.

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Location};

const OPTION: &str = "--set ";

/// One `--set` option, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setting {
    text: String,
    /// The entry and its parameter; none for the pipeline's seed.
    pub(crate) target: Option<(String, String)>,
    pub(crate) value: Value,
}

impl Setting {
    /// Takes `ENTRY.PARAM=VALUE` or `seed=NUMBER` apart; the value is read as YAML.
    pub(crate) fn parse(text: &str) -> Result<Self, Diagnostic> {
        let form = "write `--set ENTRY.PARAM=VALUE`, such as `--set pretrain.steps=100`, or `--set seed=7`";
        let whole = || Diagnostic::new(at(text, 0, text.len()), "not a setting").help(form.to_owned());
        let (name, value) = text.split_once('=').ok_or_else(whole)?;
        let target = match name.split_once('.') {
            Some((entry, param)) if !entry.is_empty() && !param.is_empty() => {
                Some((entry.to_owned(), param.to_owned()))
            }
            None if name == "seed" => None,
            _ => return Err(whole()),
        };
        let value = serde_yaml::from_str(value).map_err(|e| {
            let message = format!("the value is not valid YAML: {e}");
            Diagnostic::new(at(text, name.len() + 1, value.len()), message)
        })?;
        Ok(Self { text: text.to_owned(), target, value })
    }

    /// The place of the entry's name.
    pub(crate) fn at_entry(&self) -> Location {
        at(&self.text, 0, self.target.as_ref().map_or(4, |(entry, _)| entry.len()))
    }

    /// The place of the parameter's name.
    pub(crate) fn at_param(&self) -> Location {
        match &self.target {
            Some((entry, param)) => at(&self.text, entry.len() + 1, param.len()),
            None => at(&self.text, 0, 4),
        }
    }

    /// The place of the value.
    pub(crate) fn at_value(&self) -> Location {
        let start = self.text.find('=').map_or(0, |i| i + 1);
        at(&self.text, start, self.text.len() - start)
    }
}

/// A place in an option, from bytes to characters.
fn at(text: &str, start: usize, len: usize) -> Location {
    let line = format!("{OPTION}{text}");
    let start = OPTION.len() + start;
    Location {
        origin: line.clone(),
        line: None,
        column: line[..start].chars().count() + 1,
        width: line[start..start + len].chars().count().max(1),
        text: line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_yaml() {
        for (text, value) in [
            ("probe.l2=[0.1, 1]", json!([0.1, 1])),
            ("images.source=shapes", json!("shapes")),
            ("pretrain.lr=3e-3", json!(0.003)),
            ("images.limit=null", json!(null)),
            ("x.path=a=b", json!("a=b")),
        ] {
            assert_eq!(Setting::parse(text).unwrap().value, value, "{text}");
        }
        let seed = Setting::parse("seed=7").unwrap();
        assert_eq!((seed.target, seed.value), (None, json!(7)));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["pretrain", "pretrain=1", ".steps=1", "pretrain.=1", "a.b=[1"] {
            assert!(Setting::parse(text).is_err(), "{text}");
        }
    }
}
