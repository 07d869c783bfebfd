//! Numbers and styles as the command prints them.

use anstyle::{AnsiColor, Style};
use igpt_pipeline::State;
use igpt_stage::Amount;
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

/// An amount with its unit: `76,571,648`, `59.8 TFLOP`, `16.5 GB`.
pub(crate) fn amount(amount: Amount) -> String {
    match amount {
        Amount::Count(count) => {
            let digits = count.to_string();
            let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
            groups.collect::<Vec<_>>().join(",")
        }
        Amount::Flops(flops) => scaled(flops, "FLOP"),
        Amount::Bytes(bytes) => scaled(bytes, "B"),
    }
}

/// Three digits that count, and a prefix for the thousands.
fn scaled(number: f64, unit: &str) -> String {
    let prefixes = ["", "k", "M", "G", "T", "P", "E", "Z"];
    let thousands = if number < 1.0 { 0 } else { (number.log10() / 3.0).floor() as usize };
    let thousands = thousands.min(prefixes.len() - 1);
    let number = number / 1000_f64.powi(thousands as i32);
    let decimals = if thousands == 0 || number >= 100.0 { 0 } else { usize::from(number < 10.0) + 1 };
    format!("{number:.decimals$} {}{unit}", prefixes[thousands])
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
    fn amounts_have_units() {
        for (number, text) in [
            (Amount::Count(7), "7"),
            (Amount::Count(76_571_648), "76,571,648"),
            (Amount::Flops(4.12e9), "4.12 GFLOP"),
            (Amount::Flops(5.98e13), "59.8 TFLOP"),
            (Amount::Bytes(512.0), "512 B"),
            (Amount::Bytes(123_456_789.0), "123 MB"),
        ] {
            assert_eq!(amount(number), text);
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
