//! "Did you mean": the valid name that is nearest to a wrong one.

/// Help for a name that is not among `valid`: the nearest one, or all of them.
pub(crate) fn help<'a>(wrong: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let valid: Vec<_> = valid.into_iter().collect();
    let distance = |name: &str| strsim::damerau_levenshtein(&wrong.to_lowercase(), &name.to_lowercase());
    let nearest = valid.iter().map(|name| (distance(name), *name)).min();
    match nearest {
        None => None,
        Some((distance, name)) if distance <= 1 + wrong.chars().count() / 4 => {
            Some(format!("did you mean `{name}`?"))
        }
        Some(_) => Some(format!("valid here: {}", quoted(valid))),
    }
}

/// Names in back quotes, separated by commas.
pub(crate) fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The wrong name and the valid ones in serde's message about a field that it does not know.
pub(crate) fn unknown_field(message: &str) -> Option<(&str, Vec<&str>)> {
    let mut names = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    Some((names.next()?, names.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_or_all_of_them() {
        let names = ["n_head", "n_layer", "steps"];
        assert_eq!(help("n_heads", names).unwrap(), "did you mean `n_head`?");
        assert_eq!(help("colour", names).unwrap(), "valid here: `n_head`, `n_layer`, `steps`");
        assert_eq!(help("x", []), None);
    }

    #[test]
    fn serde_says_which_fields_it_knows() {
        let message = "unknown field `nam`, expected one of `name`, `seed`";
        assert_eq!(unknown_field(message), Some(("nam", vec!["name", "seed"])));
        assert_eq!(unknown_field("unknown field `a`, there are no fields"), Some(("a", vec![])));
        assert_eq!(unknown_field("invalid type: map"), None);
    }
}
