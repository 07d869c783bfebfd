//! What of a Rust source file makes a difference to what it does.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::FromStr;

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

/// A source file without what does not count.
pub(crate) struct Essence {
    /// Its tokens, one a line; or the text as it is where that is not Rust.
    pub(crate) text: String,
    /// Modules in files of their own that exist for tests only.
    pub(crate) test_modules: BTreeSet<String>,
}

/// Reduces a source file to its tokens: comments and formatting go with that. Documentation,
/// items under `#[cfg(test)]` and commas before a closing bracket are left out too.
pub(crate) fn essence(source: &str) -> Essence {
    let mut essence = Essence { text: String::new(), test_modules: BTreeSet::new() };
    match TokenStream::from_str(source) {
        Ok(tokens) => essence.walk(tokens, Delimiter::None),
        Err(_) => source.clone_into(&mut essence.text),
    }
    essence
}

type Tokens = Peekable<proc_macro2::token_stream::IntoIter>;

impl Essence {
    fn walk(&mut self, tokens: TokenStream, within: Delimiter) {
        let mut tokens = tokens.into_iter().peekable();
        let mut commas = 0;
        while let Some(token) = tokens.next() {
            if let TokenTree::Punct(punct) = &token
                && punct.as_char() == '#'
            {
                let inner = matches!(tokens.peek(), Some(TokenTree::Punct(p)) if p.as_char() == '!');
                let bang = inner.then(|| tokens.next()).flatten();
                if let Some(TokenTree::Group(group)) = tokens.peek().cloned() {
                    match attribute(&group).as_str() {
                        "doc" => {
                            tokens.next();
                            continue;
                        }
                        "cfg(test)" if !inner => {
                            tokens.next();
                            self.skip_item(&mut tokens);
                            continue;
                        }
                        _ => {}
                    }
                }
                self.token(&token);
                if let Some(bang) = bang {
                    self.token(&bang);
                }
                continue;
            }
            if let TokenTree::Punct(punct) = &token
                && punct.as_char() == ','
            {
                // Whether the last item has a comma is a matter of formatting, but for `(x,)`.
                if tokens.peek().is_none() && (commas > 0 || within != Delimiter::Parenthesis) {
                    continue;
                }
                commas += 1;
            }
            self.token(&token);
        }
    }

    fn token(&mut self, token: &TokenTree) {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                self.line(open);
                self.walk(group.stream(), group.delimiter());
                self.line(close);
            }
            TokenTree::Punct(punct) => {
                let joint = if punct.spacing() == Spacing::Joint { "+" } else { "" };
                self.line(&format!("{}{joint}", punct.as_char()));
            }
            other => self.line(&other.to_string()),
        }
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Skips further attributes and one item, field or statement: to the first `;`, `,` or
    /// braces. An item in which a comma comes earlier is skipped in part, which costs a needless
    /// run after a change there, never a missing one.
    fn skip_item(&mut self, tokens: &mut Tokens) {
        let mut words: Vec<String> = Vec::new();
        for token in tokens.by_ref() {
            match token {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return,
                TokenTree::Punct(punct) if punct.as_char() == ',' => return,
                TokenTree::Punct(punct) if punct.as_char() == ';' => {
                    if let [.., module, name] = &words[..]
                        && module == "mod"
                    {
                        self.test_modules.insert(name.clone());
                    }
                    return;
                }
                TokenTree::Ident(word) => words.push(word.to_string()),
                _ => {}
            }
        }
    }
}

/// What an attribute's brackets hold: `doc` for documentation, else its text without spaces.
fn attribute(group: &Group) -> String {
    let text: String = group.stream().into_iter().map(|token| token.to_string()).collect();
    if text.starts_with("doc=") { "doc".into() } else { text.replace(' ', "") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        essence(a).text == essence(b).text
    }

    #[test]
    fn what_does_nothing_does_not_count() {
        let code = "fn f(a: u8, b: u8) -> u8 { a + b }";
        for cosmetic in [
            "// A comment.\nfn f(a: u8, b: u8) -> u8 { a + b }",
            "//! Docs.\n\n/// More.\nfn f(a: u8, b: u8) -> u8 { a /* sum */ + b }",
            "#![doc = \"x\"]\nfn f(\n    a: u8,\n    b: u8,\n) -> u8 {\n    a + b\n}",
            "fn f(a: u8, b: u8) -> u8 { a + b }\n#[cfg(test)]\nmod tests { fn g() {} }",
            "#[cfg(test)] use x::y;\nfn f(a: u8, b: u8) -> u8 { a + b }",
            "fn f(a: u8, b: u8) -> u8 { #[cfg(test)] #[allow(x)] let c = 1; a + b }",
        ] {
            assert!(same(code, cosmetic), "{cosmetic}");
        }
    }

    #[test]
    fn what_does_something_counts() {
        for (a, b) in [
            ("fn f() { 1 }", "fn f() { 2 }"),
            ("f(\"a b\")", "f(\"a  b\")"),
            ("struct S { #[cfg(test)] a: u8, b: u8 }", "struct S { #[cfg(test)] a: u8, c: u8 }"),
            ("#[cfg(unix)] fn f() {}", "#[cfg(windows)] fn f() {}"),
            ("(a,)", "(a)"),
            ("a && b", "a & &b"),
            ("f(a, b)", "f((a, b))"),
        ] {
            assert!(!same(a, b), "{a} | {b}");
        }
    }

    #[test]
    fn test_modules_are_found_and_odd_text_is_taken_as_it_is() {
        let found = essence("#[cfg(test)]\npub(crate) mod checks;\nmod real;").test_modules;
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["checks"]);
        assert_eq!(essence("fn f( {").text, "fn f( {");
    }
}
