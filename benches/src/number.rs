//! Numbers as the table has them.

/// Three digits that count, thousands apart: `12,900`, `1.35`, `0.0210`.
pub(crate) fn three_digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    // Rounded first: 999.6 has four digits before the point.
    let digits = value.abs().log10().floor() as i32;
    let scale = 10_f64.powi(digits - 2);
    let rounded = (value / scale).round() * scale;
    let decimals = (2 - rounded.abs().log10().floor() as i32).max(0) as usize;
    let text = format!("{rounded:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    format!("{}{rest}", thousands(whole))
}

fn thousands(digits: &str) -> String {
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

/// Bytes in MB; a dash where they are not known.
pub(crate) fn megabytes(bytes: u64) -> String {
    if bytes == 0 { "–".into() } else { format!("{} MB", thousands(&(bytes / 1_000_000).to_string())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_count() {
        for (value, text) in [
            (12_949.0, "12,900"),
            (1_234_567.0, "1,230,000"),
            (999.6, "1,000"),
            (123.4, "123"),
            (1.349, "1.35"),
            (9.996, "10.0"),
            (0.021, "0.0210"),
            (0.0, "0"),
        ] {
            assert_eq!(three_digits(value), text);
        }
        assert_eq!(megabytes(1_190_400_000), "1,190 MB");
        assert_eq!(megabytes(0), "–");
    }
}
