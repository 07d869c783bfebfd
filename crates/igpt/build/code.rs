//! The digest of a stage's source code: its crate, the workspace crates below it, and the
//! versions of the external crates that those name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::tokens;

const OWN: &str = "igpt-";

/// The crates of the workspace, as far as their manifests tell.
pub(crate) struct Workspace {
    root: PathBuf,
    crates: BTreeMap<String, Crate>,
    /// `[workspace.dependencies]`: versions asked for, and features.
    dependencies: Table,
    /// Name and version of every external crate in `Cargo.lock`.
    locked: Vec<(String, String)>,
}

struct Crate {
    dir: PathBuf,
    manifest: Table,
}

impl Workspace {
    /// Reads the manifests below `root` and its `Cargo.lock`.
    pub(crate) fn read(root: &Path) -> Result<Self, String> {
        let mut crates = BTreeMap::new();
        for folder in ["crates", "stages"] {
            let folder = root.join(folder);
            let entries = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
            for dir in
                entries.flatten().map(|entry| entry.path()).filter(|dir| dir.join("Cargo.toml").is_file())
            {
                let manifest = read_toml(&dir.join("Cargo.toml"))?;
                let name =
                    manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
                let name = name.ok_or_else(|| format!("{}: no package name", dir.display()))?.to_owned();
                crates.insert(name, Crate { dir, manifest });
            }
        }
        let lock = read_toml(&root.join("Cargo.lock"))?;
        let packages = lock.get("package").and_then(Value::as_array).cloned().unwrap_or_default();
        let text = |package: &Value, field: &str| Some(package.get(field)?.as_str()?.to_owned());
        let locked = packages.iter().filter_map(|p| Some((text(p, "name")?, text(p, "version")?))).collect();
        let manifest = read_toml(&root.join("Cargo.toml"))?;
        let dependencies =
            manifest.get("workspace").and_then(|w| w.get("dependencies")).and_then(Value::as_table);
        Ok(Self {
            root: root.to_path_buf(),
            crates,
            dependencies: dependencies.cloned().unwrap_or_default(),
            locked,
        })
    }

    /// The names of the crates below `stages/`.
    pub(crate) fn stages(&self) -> Vec<String> {
        let stages = self.root.join("stages");
        self.crates.iter().filter(|(_, c)| c.dir.starts_with(&stages)).map(|(name, _)| name.clone()).collect()
    }

    /// The files and folders on which digests depend.
    pub(crate) fn watched(&self) -> Vec<PathBuf> {
        let manifests = ["Cargo.toml", "Cargo.lock"].map(|name| self.root.join(name));
        let own = self.crates.values().flat_map(|c| [c.dir.join("Cargo.toml"), c.dir.join("src")]);
        own.chain(manifests).filter(|path| path.exists()).collect()
    }

    /// The digest of a crate and everything below it, as hexadecimal digits.
    pub(crate) fn digest(&self, name: &str) -> Result<String, String> {
        let mut hasher = blake3::Hasher::new();
        let mut external = BTreeSet::new();
        for name in self.below(name) {
            let Crate { dir, manifest } = &self.crates[&name];
            feed(&mut hasher, "crate", &name);
            for part in ["dependencies", "features"] {
                let value = manifest.get(part).map(ToString::to_string).unwrap_or_default();
                feed(&mut hasher, part, &value);
            }
            external.extend(dependencies(manifest).filter(|name| !name.starts_with(OWN)));
            for (path, content) in sources(&dir.join("src"))? {
                feed(&mut hasher, &path, content);
            }
        }
        for name in external {
            let wanted = self.dependencies.get(&name).map(ToString::to_string).unwrap_or_default();
            feed(&mut hasher, "external", format!("{name} {wanted}"));
            for (_, version) in self.locked.iter().filter(|(locked, _)| *locked == name) {
                feed(&mut hasher, "version", version);
            }
        }
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// A crate and the workspace crates that it depends on, directly or not.
    fn below(&self, name: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut pending = vec![name.to_owned()];
        while let Some(name) = pending.pop() {
            if let Some(Crate { manifest, .. }) = self.crates.get(&name)
                && found.insert(name)
            {
                pending.extend(dependencies(manifest).filter(|name| name.starts_with(OWN)));
            }
        }
        found
    }
}

/// The names under `[dependencies]`.
fn dependencies(manifest: &Table) -> impl Iterator<Item = String> {
    let names = manifest.get("dependencies").and_then(Value::as_table);
    names.into_iter().flat_map(|names| names.keys().cloned())
}

/// Adds two texts such that no other pair reads the same.
fn feed(hasher: &mut blake3::Hasher, what: &str, content: impl AsRef<[u8]>) {
    let content = content.as_ref();
    for bytes in [what.as_bytes(), content] {
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    }
}

/// Every file below `src` by its relative path, Rust files reduced to what counts, modules that
/// exist for tests only left out.
fn sources(src: &Path) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut found = BTreeMap::new();
    let mut tests = Vec::new();
    let mut pending = vec![src.to_path_buf()];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(&dir).map_err(|e| format!("{}: {e}", dir.display()))? {
            let path = entry.map_err(|e| format!("{}: {e}", dir.display()))?.path();
            if path.is_dir() {
                pending.push(path);
                continue;
            }
            let bytes = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            let relative = path.strip_prefix(src).unwrap_or(&path).with_extension("");
            let rust = path.extension().is_some_and(|extension| extension == "rs");
            let content = match String::from_utf8(bytes) {
                Ok(text) if rust => {
                    let essence = tokens::essence(&text);
                    tests.extend(essence.test_modules.iter().map(|name| submodule(&relative, name)));
                    essence.text.into_bytes()
                }
                Ok(text) => text.into_bytes(),
                Err(e) => e.into_bytes(),
            };
            let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            found.insert((relative, extension), content);
        }
    }
    found.retain(|(path, _), _| !tests.iter().any(|test| path.starts_with(test)));
    Ok(found
        .into_iter()
        .map(|((path, extension), content)| (format!("{}.{extension}", path.display()), content))
        .collect())
}

/// Where the module `name` of the module at `parent` lies, without `.rs`.
fn submodule(parent: &Path, name: &str) -> PathBuf {
    match parent.file_name().and_then(|file| file.to_str()) {
        Some("lib" | "main" | "mod") => parent.with_file_name(name),
        _ => parent.join(name),
    }
}

fn read_toml(path: &Path) -> Result<Table, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    text.parse().map_err(|e| format!("{}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace of a stage, a crate below it, and a stage that has nothing to do with it.
    fn workspace(dir: &Path) {
        let put = |path: &str, text: &str| {
            let path = dir.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("Cargo.toml", "[workspace.dependencies]\nrand = \"0.9\"\nigpt-base.path = \"crates/base\"");
        put("Cargo.lock", "[[package]]\nname = \"rand\"\nversion = \"0.9.1\"");
        put("crates/base/Cargo.toml", "[package]\nname = \"igpt-base\"");
        put("crates/base/src/lib.rs", "pub fn base() {}\n#[cfg(test)]\nmod checks;");
        put("crates/base/src/checks.rs", "fn check() {}");
        let stage = "[dependencies]\nigpt-base.workspace = true\nrand.workspace = true\n";
        put("stages/one/Cargo.toml", &format!("[package]\nname = \"igpt-one\"\n{stage}"));
        put("stages/one/src/lib.rs", "fn one() {}");
        put("stages/one/src/page.css", "a { b: c }");
        put("stages/two/Cargo.toml", "[package]\nname = \"igpt-two\"");
        put("stages/two/src/lib.rs", "fn two() {}");
    }

    #[test]
    fn only_what_a_stage_is_built_from_changes_its_digest() {
        let dir = tempfile::tempdir().unwrap();
        workspace(dir.path());
        let digests = || {
            let workspace = Workspace::read(dir.path()).unwrap();
            assert_eq!(workspace.stages(), ["igpt-one", "igpt-two"]);
            ["igpt-one", "igpt-two"].map(|name| workspace.digest(name).unwrap())
        };
        let first = digests();
        for (file, text, one_changes) in [
            ("stages/one/src/lib.rs", "// Cosmetic.\nfn one( ) {}", false),
            ("crates/base/src/checks.rs", "fn other_check() {}", false),
            (
                "stages/one/Cargo.toml",
                "[package]\nname = \"igpt-one\"\ndescription = \"x\"\n[dependencies]\nigpt-base.workspace = true\nrand.workspace = true\n[dev-dependencies]\ntempfile = \"3\"",
                false,
            ),
            ("stages/one/src/lib.rs", "fn one() { 1 }", true),
            ("stages/one/src/page.css", "a { b: d }", true),
            ("crates/base/src/lib.rs", "pub fn base() { 1 }\n#[cfg(test)]\nmod checks;", true),
            ("Cargo.lock", "[[package]]\nname = \"rand\"\nversion = \"0.9.2\"", true),
            (
                "Cargo.toml",
                "[workspace.dependencies]\nrand = { version = \"0.9\", features = [\"x\"] }",
                true,
            ),
        ] {
            let path = dir.path().join(file);
            let before = fs::read(&path).unwrap();
            fs::write(&path, text).unwrap();
            let now = digests();
            assert_eq!(now[0] != first[0], one_changes, "{file}: {text}");
            assert_eq!(now[1], first[1], "{file}");
            fs::write(&path, before).unwrap();
        }
        assert_eq!(digests(), first);
    }

    #[test]
    fn everything_watched_is_there() {
        let dir = tempfile::tempdir().unwrap();
        workspace(dir.path());
        let watched = Workspace::read(dir.path()).unwrap().watched();
        assert_eq!(watched.len(), 8);
        assert!(watched.iter().all(|path| path.exists()));
    }
}
