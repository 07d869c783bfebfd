//! One encoding of a value as bytes, the same on every machine and in every version.

use serde_json::Value;

/// Encodes `value` as JSON with sorted keys and no white space.
///
/// Numbers are written as serde_json writes them: integers in decimal, floats as the shortest
/// text that reads back as the same `f64`. Two values that compare equal encode equally,
/// whatever order their keys were read in.
pub fn canonical_json(value: &Value) -> String {
    let mut out = String::new();
    encode(value, &mut out);
    out
}

fn encode(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            out.push('{');
            for (i, (name, value)) in entries.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                encode(&Value::String(name.clone()), out);
                out.push(':');
                encode(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                encode(item, out);
            }
            out.push(']');
        }
        // Scalars have one spelling each in serde_json.
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let a: Value = serde_json::from_str(r#"{"b":{"z":1,"a":[{"y":2,"x":3}]},"a":null}"#).unwrap();
        assert_eq!(canonical_json(&a), r#"{"a":null,"b":{"a":[{"x":3,"y":2}],"z":1}}"#);
    }

    #[test]
    fn scalars_have_one_spelling() {
        let value = json!([0.1, 1e-5, 3.0, 3, -1, true, "é\n\""]);
        assert_eq!(canonical_json(&value), r#"[0.1,0.00001,3.0,3,-1,true,"é\n\""]"#);
    }
}
