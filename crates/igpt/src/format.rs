//! Numbers and styles as the command prints them.

use anstyle::{AnsiColor, Style};
use igpt_pipeline::State;
use serde_json::Value;

/// For what is wrong.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// For advice.
pub(crate) const HINT: Style = AnsiColor::Cyan.on_default();
/// For names.
pub(crate) const NAME: Style = Style::new().bold();
/// For what matters less.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// The colour of a state.
pub(crate) fn state(state: State) -> Style {
    match state {
        State::Cached => AnsiColor::Green.on_default(),
        State::Restore => AnsiColor::Cyan.on_default(),
        State::Run => AnsiColor::Yellow.on_default().bold(),
        State::Maybe => AnsiColor::Yellow.on_default(),
    }
}

/// A text in a style.
pub(crate) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A duration: `3 ms`, `12.3 s`, `4 min 05 s`, `2 h 07 min`.
pub(crate) fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.9995 => format!("{:.0} ms", s * 1e3),
        s if s < 99.95 => format!("{s:.1} s"),
        s if s < 3599.5 => format!("{} min {:02} s", s.round() as u64 / 60, s.round() as u64 % 60),
        s => format!("{} h {:02} min", (s / 60.0).round() as u64 / 60, (s / 60.0).round() as u64 % 60),
    }
}

/// A value in a few characters: floats with four digits that count.
pub(crate) fn value(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_f64() => {
            let number = number.as_f64().unwrap_or_default();
            let digits = if number == 0.0 { 0 } else { number.abs().log10().floor() as i32 };
            if (-4..15).contains(&digits) {
                format!("{number:.*}", (3 - digits).max(0) as usize)
            } else {
                format!("{number:.3e}")
            }
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_are_short() {
        for (number, text) in [
            (0.0031, "3 ms"),
            (0.9999, "1.0 s"),
            (12.34, "12.3 s"),
            (245.0, "4 min 05 s"),
            (7620.0, "2 h 07 min"),
        ] {
            assert_eq!(seconds(number), text);
        }
    }

    #[test]
    fn values_keep_four_digits() {
        for (number, text) in [
            (json!(0.123456), "0.1235"),
            (json!(1.5), "1.500"),
            (json!(12345.6), "12346"),
            (json!(0.000001234), "1.234e-6"),
            (json!(76571648), "76571648"),
            (json!("cpu"), "cpu"),
            (json!(0.0), "0.000"),
        ] {
            assert_eq!(value(&number), text);
        }
    }
}
