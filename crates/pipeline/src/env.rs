//! `${VAR}` and `${VAR:-default}` in the strings of a pipeline file.

use serde_json::Value;

/// Looks an environment variable up.
pub type Environment = fn(&str) -> Option<String>;

/// Why a string cannot be filled in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EnvError {
    #[error("the environment variable `{0}` is not set")]
    Unset(String),
    #[error("`${{` without a name and `}}` after it")]
    Malformed,
}

/// Fills in every string inside `value`. On an error, the path to the string.
///
/// A string that is nothing but one `${…}` takes the type that the text has in YAML, so that a
/// number may come from the environment.
pub(crate) fn fill(value: &Value, env: Environment) -> Result<Value, (Vec<String>, EnvError)> {
    let below = |name: String, value: &Value| {
        fill(value, env).map_err(|(mut path, error)| {
            path.insert(0, name);
            (path, error)
        })
    };
    match value {
        Value::String(text) => fill_string(text, env).map_err(|error| (Vec::new(), error)),
        Value::Array(items) => items.iter().enumerate().map(|(i, item)| below(i.to_string(), item)).collect(),
        Value::Object(map) => {
            map.iter().map(|(name, value)| Ok((name.clone(), below(name.clone(), value)?))).collect()
        }
        other => Ok(other.clone()),
    }
}

fn fill_string(text: &str, env: Environment) -> Result<Value, EnvError> {
    let filled = fill_text(text, env)?;
    let alone = text.starts_with("${") && text.find('}') == Some(text.len() - 1);
    match serde_yaml::from_str(&filled) {
        Ok(typed @ (Value::Bool(_) | Value::Number(_) | Value::Null)) if alone && !filled.is_empty() => {
            Ok(typed)
        }
        _ => Ok(Value::String(filled)),
    }
}

/// Fills in one text. `$${` stands for `${` itself.
pub(crate) fn fill_text(text: &str, env: Environment) -> Result<String, EnvError> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        if let Some(before) = rest[..start].strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = &rest[start + 2..];
            continue;
        }
        out.push_str(&rest[..start]);
        let (inner, after) = rest[start + 2..].split_once('}').ok_or(EnvError::Malformed)?;
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(EnvError::Malformed);
        }
        // As in a shell: with `:-` an empty variable counts as unset.
        let value = env(name).filter(|value| default.is_none() || !value.is_empty());
        match value.as_deref().or(default) {
            Some(value) => out.push_str(value),
            None => return Err(EnvError::Unset(name.to_owned())),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn env(name: &str) -> Option<String> {
        match name {
            "DATA" => Some("/data".into()),
            "LIMIT" => Some("5000".into()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn variables_and_defaults() {
        for (text, filled) in [
            ("${DATA}/cifar10", json!("/data/cifar10")),
            ("${NOTHING:-here}/x", json!("here/x")),
            ("${EMPTY:-here}", json!("here")),
            ("${EMPTY}", json!("")),
            ("${LIMIT}", json!(5000)),
            ("${NOTHING:-0.5}", json!(0.5)),
            ("${LIMIT} images", json!("5000 images")),
            ("$${DATA} and $5", json!("${DATA} and $5")),
            ("plain", json!("plain")),
            ("5", json!("5")),
        ] {
            assert_eq!(fill(&json!(text), env), Ok(filled), "{text}");
        }
    }

    #[test]
    fn errors_say_where() {
        let value = json!({"a": [1, "${NOTHING}"]});
        let unset = EnvError::Unset("NOTHING".into());
        assert_eq!(fill(&value, env), Err((vec!["a".into(), "1".into()], unset)));
        assert_eq!(fill(&json!("${"), env), Err((vec![], EnvError::Malformed)));
        assert_eq!(fill(&json!("${a b}"), env), Err((vec![], EnvError::Malformed)));
    }
}
