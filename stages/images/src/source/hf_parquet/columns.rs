//! Which columns hold the images and the labels, and what the labels are called.

use std::path::Path;

use arrow::datatypes::{DataType, Field, Schema};
use serde::Deserialize;

use crate::Error;

/// The columns that the user names.
#[derive(Clone, Debug, Default)]
pub(crate) struct ColumnNames {
    /// Of images.
    pub(crate) image: Option<String>,
    /// Of class indices.
    pub(crate) label: Option<String>,
}

/// The columns of a file, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Columns {
    /// Of images: a struct with a binary field `bytes`.
    pub(super) image: String,
    /// Of class indices: integers. `None` for a data set without labels.
    pub(super) label: Option<String>,
}

const IMAGE_NAMES: [&str; 2] = ["image", "img"];
const LABEL_NAMES: [&str; 3] = ["label", "fine_label", "labels"];

impl Columns {
    /// Takes the named columns, or else those that their type and usual names point out.
    pub(super) fn find(path: &Path, schema: &Schema, names: &ColumnNames) -> Result<Self, Error> {
        let wrong = |param, message: String| Error::Column {
            path: path.to_path_buf(),
            message: format!("{message}; the columns are {}", describe(schema)),
            param,
        };
        let field = |name: &str| schema.fields().iter().find(|field| field.name() == name);

        let image = if let Some(name) = &names.image {
            match field(name) {
                Some(field) if is_image(field) => name.clone(),
                Some(_) => {
                    return Err(wrong(
                        "image_column",
                        format!("column `{name}` does not hold images (struct with bytes)"),
                    ));
                }
                None => return Err(wrong("image_column", format!("no column `{name}`"))),
            }
        } else {
            let candidates: Vec<_> = schema.fields().iter().filter(|field| is_image(field)).collect();
            let usual = candidates.iter().find(|field| IMAGE_NAMES.contains(&field.name().as_str()));
            match (usual, candidates.as_slice()) {
                (Some(field), _) => field.name().clone(),
                (None, [field]) => field.name().clone(),
                (None, []) => {
                    return Err(wrong("image_column", "no column of images (struct with bytes)".into()));
                }
                (None, _) => return Err(wrong("image_column", "several columns of images".into())),
            }
        };

        let label = if let Some(name) = &names.label {
            match field(name) {
                Some(field) if is_label(field) => Some(name.clone()),
                Some(_) => {
                    return Err(wrong("label_column", format!("column `{name}` does not hold integers")));
                }
                None => return Err(wrong("label_column", format!("no column `{name}`"))),
            }
        } else {
            match LABEL_NAMES.iter().find_map(|name| field(name)) {
                Some(field) if is_label(field) => Some(field.name().clone()),
                Some(field) => {
                    let message = format!("column `{}` does not hold integers", field.name());
                    return Err(wrong("label_column", message));
                }
                None => None,
            }
        };
        Ok(Self { image, label })
    }
}

fn is_image(field: &Field) -> bool {
    use DataType::{Binary, BinaryView, LargeBinary, Struct};
    match field.data_type() {
        Struct(fields) => fields.iter().any(|field| {
            field.name() == "bytes" && matches!(field.data_type(), Binary | LargeBinary | BinaryView)
        }),
        _ => false,
    }
}

fn is_label(field: &Field) -> bool {
    field.data_type().is_integer()
}

fn describe(schema: &Schema) -> String {
    let kind = |field: &Field| match field.data_type() {
        DataType::Struct(fields) => {
            format!(
                "struct<{}>",
                fields.iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ")
            )
        }
        other => other.to_string(),
    };
    let columns: Vec<_> =
        schema.fields().iter().map(|field| format!("`{}` ({})", field.name(), kind(field))).collect();
    columns.join(", ")
}

/// The names of the labels, from the metadata that the `datasets` library leaves in the schema
/// under `huggingface`; none if it is not there or says nothing of them.
pub(super) fn class_names(schema: &Schema, columns: &Columns) -> Vec<String> {
    #[derive(Deserialize)]
    struct Metadata {
        info: Info,
    }
    #[derive(Deserialize)]
    struct Info {
        features: serde_json::Map<String, serde_json::Value>,
    }
    #[derive(Deserialize)]
    struct ClassLabel {
        names: Vec<String>,
    }
    let names = || {
        let metadata: Metadata = serde_json::from_str(schema.metadata().get("huggingface")?).ok()?;
        let feature = metadata.info.features.get(columns.label.as_ref()?)?;
        ClassLabel::deserialize(feature).ok().map(|label| label.names)
    };
    names().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::Fields;

    fn image(name: &str) -> Field {
        let fields = Fields::from(vec![
            Field::new("bytes", DataType::Binary, true),
            Field::new("path", DataType::Utf8, true),
        ]);
        Field::new(name, DataType::Struct(fields), true)
    }

    fn integer(name: &str) -> Field {
        Field::new(name, DataType::Int64, true)
    }

    fn find(
        fields: Vec<Field>,
        image: Option<&str>,
        label: Option<&str>,
    ) -> Result<(String, Option<String>), String> {
        let names = ColumnNames { image: image.map(Into::into), label: label.map(Into::into) };
        Columns::find(Path::new("x.parquet"), &Schema::new(fields), &names)
            .map(|columns| (columns.image, columns.label))
            .map_err(|e| e.to_string())
    }

    fn found(image: &str, label: Option<&str>) -> Result<(String, Option<String>), String> {
        Ok((image.into(), label.map(Into::into)))
    }

    #[test]
    fn columns_are_found_by_type_and_usual_name() {
        assert_eq!(find(vec![image("img"), integer("label")], None, None), found("img", Some("label")));
        assert_eq!(find(vec![image("photo"), integer("id")], None, None), found("photo", None));
        let cifar_100 = vec![image("img"), integer("fine_label"), integer("coarse_label")];
        assert_eq!(find(cifar_100.clone(), None, None), found("img", Some("fine_label")));
        assert_eq!(find(cifar_100, None, Some("coarse_label")), found("img", Some("coarse_label")));
        assert_eq!(find(vec![image("mask"), image("image")], None, None), found("image", None));
        assert_eq!(find(vec![image("mask"), image("image")], Some("mask"), None), found("mask", None));
    }

    #[test]
    fn a_missing_or_doubtful_column_is_named_with_those_that_are_there() {
        let message = |fields, image, label| find(fields, image, label).unwrap_err();
        assert_eq!(
            message(vec![integer("label")], None, None),
            "x.parquet: no column of images (struct with bytes); the columns are `label` (Int64)"
        );
        assert!(message(vec![image("a"), image("b")], None, None).contains("several columns of images"));
        assert!(
            message(vec![image("a")], Some("b"), None)
                .contains("no column `b`; the columns are `a` (struct<bytes, path>)")
        );
        assert!(message(vec![integer("a")], Some("a"), None).contains("does not hold images"));
        assert!(
            message(vec![image("a"), image("label")], Some("a"), None)
                .contains("`label` does not hold integers")
        );
        assert!(message(vec![image("a")], None, Some("y")).contains("no column `y`"));
    }

    #[test]
    fn class_names_come_from_the_schema() {
        let columns = Columns { image: "img".into(), label: Some("label".into()) };
        let names = |text: &str| {
            let metadata = [("huggingface".to_owned(), text.to_owned())];
            class_names(&Schema::new_with_metadata(vec![integer("label")], metadata), &columns)
        };
        let known = r#"{"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}"#;
        assert_eq!(names(known), ["cat", "dog"]);
        assert!(
            names(r#"{"info": {"features": {"label": {"dtype": "int64", "_type": "Value"}}}}"#).is_empty()
        );
        assert!(names("not JSON").is_empty());
        assert!(class_names(&Schema::empty(), &columns).is_empty());
    }
}
