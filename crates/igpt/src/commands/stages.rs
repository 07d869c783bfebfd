//! `igpt stages`: the reference of stages and parameters, from their types.

use std::io::Write;
use std::process::ExitCode;

use igpt_pipeline::Error;
use igpt_stage::{Definition, Need};
use serde_json::Value;

use crate::cli;
use crate::format::{self, paint};

pub(super) fn run(args: &cli::Stages) -> Result<ExitCode, Error> {
    let known = crate::stages::all();
    if let Some(name) = args.stages.iter().find(|name| known.get(name).is_none()) {
        let names: Vec<_> = known.names().collect();
        return Err(Error::NoEntry {
            name: name.clone(),
            help: Some(format!("stages: {}", names.join(", "))),
        });
    }
    let mut out = anstream::stdout().lock();
    for stage in
        known.iter().filter(|stage| args.stages.is_empty() || args.stages.iter().any(|n| n == stage.name))
    {
        // A reader that went away, such as `head`, wants no more.
        if writeln!(out, "{}", describe(stage)).is_err() {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A stage: what it does, reads and makes, and its parameters.
fn describe(stage: &Definition) -> String {
    let mut text = format!("{}  {}\n", paint(format::NAME, stage.name), stage.about);
    let inputs = stage.inputs.iter().map(|input| {
        let need = match input.need {
            Need::Required => "",
            Need::IfPresent => " (if there)",
            Need::IfNamed => " (if named)",
            Need::Several => " (one or more)",
            Need::AnyNumber => " (any number)",
        };
        let kind = if input.role == input.kind.name() { String::new() } else { format!(": {}", input.kind) };
        format!("{}{kind}{need}", input.role)
    });
    let inputs: Vec<_> = inputs.collect();
    if !inputs.is_empty() {
        text += &format!("  reads {}\n", inputs.join(", "));
    }
    text += &format!("  makes {}\n", stage.kind);
    let schema = (stage.schema)();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let default = property.get("default").map(|value| format!(" = {value}")).unwrap_or_default();
        text += &format!("    {}: {}{default}\n", paint(format::HINT, name), type_of(property, &schema));
        if let Some(doc) = property["description"].as_str() {
            text += &format!("        {}\n", doc.replace("\n\n", " ").replace('\n', " "));
        }
    }
    text
}

/// A type in words: `integer`, `number or null`, `list of number`, `shapes | cifar`.
fn type_of(schema: &Value, root: &Value) -> String {
    if let Some(target) = schema["$ref"].as_str() {
        let target = target.trim_start_matches('#');
        return root.pointer(target).map_or_else(|| "value".into(), |schema| type_of(schema, root));
    }
    if let Some(constant) = schema.get("const") {
        return format::value(constant);
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(format::value).collect::<Vec<_>>().join(" | ");
    }
    for union in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[union].as_array() {
            return choices.iter().map(|choice| type_of(choice, root)).collect::<Vec<_>>().join(" | ");
        }
    }
    let one = |name: &str| match name {
        "array" if schema["items"].is_object() => format!("list of {}", type_of(&schema["items"], root)),
        "array" => "list".into(),
        "object" => match schema["properties"].as_object() {
            Some(fields) => {
                let field = |(name, schema): (&String, &Value)| format!("{name}: {}", type_of(schema, root));
                format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
            }
            None => "map".into(),
        },
        other => other.to_owned(),
    };
    match &schema["type"] {
        Value::String(name) => one(name),
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).map(one).collect::<Vec<_>>().join(" or ")
        }
        _ => "value".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_are_said_in_words() {
        let root =
            json!({"$defs": {"Source": {"oneOf": [{"const": "shapes"}, {"enum": ["cifar", "folder"]}]}}});
        for (schema, words) in [
            (json!({"type": "integer"}), "integer"),
            (json!({"type": ["number", "null"]}), "number or null"),
            (json!({"type": "array", "items": {"type": "number"}}), "list of number"),
            (json!({"$ref": "#/$defs/Source"}), "shapes | cifar | folder"),
            (
                json!({"type": "object", "properties": {"flip": {"type": "boolean"}, "pad": {"type": "integer"}}}),
                "{flip: boolean, pad: integer}",
            ),
            (
                json!({"anyOf": [{"$ref": "#/$defs/Source"}, {"type": "null"}]}),
                "shapes | cifar | folder | null",
            ),
        ] {
            assert_eq!(type_of(&schema, &root), words);
        }
    }
}
