//! Numbers for people.

use chrono::DateTime;
use serde_json::Value;

/// A share as a percentage: `72.3%`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
}

/// An integer with its thousands apart: `76,571,648`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of about four significant digits, without trailing zeros: `0.0317`, `12,350`, `1e-7`.
pub(crate) fn decimal(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() {
        value.to_string()
    } else if !(1e-4..1e15).contains(&size) {
        let text = format!("{value:.3e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        format!("{}e{exponent}", trim(mantissa))
    } else if size >= 9999.5 {
        format!("{}{}", if value < 0.0 { "-" } else { "" }, count(size.round() as u64))
    } else {
        let digits = (3.0 - size.log10().floor()).clamp(0.0, 7.0) as usize;
        trim(&format!("{value:.digits$}")).to_owned()
    }
}

/// A large number with a metric prefix: `6.4 M`.
pub(crate) fn metric(value: f64) -> String {
    let (scale, prefix) = match value.abs() {
        v if v >= 1e12 => (1e12, " T"),
        v if v >= 1e9 => (1e9, " G"),
        v if v >= 1e6 => (1e6, " M"),
        v if v >= 1e4 => (1e3, " k"),
        _ => (1.0, ""),
    };
    format!("{}{prefix}", trim(&format!("{:.2}", value / scale)))
}

/// A size in memory or on disk: `12.3 MiB`.
pub(crate) fn bytes(n: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut size = n as f64 / 1024.0;
    let mut unit = 0;
    while size >= 999.5 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    match n {
        0..1024 => format!("{n} B"),
        _ => format!("{size:.1} {}", units[unit]),
    }
}

/// A duration: `0.84 s`, `12.3 s`, `3 min 20 s`, `1 h 05 min`.
pub(crate) fn seconds(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.2} s"),
        10..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A time in seconds since 1970: `2026-11-25 03:02:04`, in UTC.
pub(crate) fn utc(since_1970: f64) -> String {
    match DateTime::from_timestamp(since_1970.floor() as i64, 0) {
        Some(time) => time.format("%Y-%m-%d %H:%M:%S").to_string(),
        None => String::new(),
    }
}

/// A headline number of a manifest, which may be any JSON value.
pub(crate) fn json(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => match (number.as_u64(), number.as_f64()) {
            (Some(n), _) => count(n),
            (None, Some(x)) => decimal(x),
            (None, None) => number.to_string(),
        },
        Value::Array(items) => items.iter().map(json).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn trim(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_read_well() {
        assert_eq!(percent(0.7234), "72.3%");
        assert_eq!([0, 999, 1000, 76_571_648].map(count), ["0", "999", "1,000", "76,571,648"]);
        let floats = [0.0, 0.031_74, 2.046_6, 12.0, 1234.5, 12_345.6, -12_345.6, 1e-7, 0.1, 100.0, f64::NAN];
        let texts = ["0", "0.03174", "2.047", "12", "1234", "12,346", "-12,346", "1e-7", "0.1", "100", "NaN"];
        assert_eq!(floats.map(decimal), texts);
        assert_eq!(
            [0.0, 1500.0, 25_000.0, 6.4e6, 1.5e9].map(metric),
            ["0", "1500", "25 k", "6.4 M", "1.5 G"]
        );
        assert_eq!([512, 1536, 13 << 20].map(bytes), ["512 B", "1.5 KiB", "13.0 MiB"]);
        let times = [0.84, 12.34, 200.0, 3900.0];
        assert_eq!(times.map(seconds), ["0.84 s", "12.3 s", "3 min 20 s", "1 h 05 min"]);
        assert_eq!(utc(1_795_575_724.9), "2026-11-25 03:02:04");
    }

    #[test]
    fn any_json_value_can_be_shown() {
        let values = [json!(1234), json!(0.5), json!("a<b"), json!([1, 2.5]), json!(null), json!({"a": 1})];
        let texts = values.iter().map(super::json).collect::<Vec<_>>();
        assert_eq!(texts, ["1,234", "0.5", "a<b", "1, 2.5", "null", "{\"a\":1}"]);
    }
}
