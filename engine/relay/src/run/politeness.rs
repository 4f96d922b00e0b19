//! What hosts mean by what they say: our rules, behind those of the operator.

use super::tls::refused;
use crate::settings::Loaded;
use policy::replies::Rules;
use shard::Politeness;
use std::fs;
use std::io;

/// The key that names files of rules.
const KEY: (&str, Option<usize>, &str) = ("delivery", None, "reply_rules");

/// The rules, and where they are heeded.
///
/// # Errors
/// A file cannot be used; with its line, or the line that names it.
pub(crate) fn politeness(loaded: &Loaded) -> io::Result<Politeness> {
    let settings = &loaded.settings;
    let read = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path);
        let text =
            text.map_err(|error| refused(loaded, KEY, path, &format!("cannot be read: {error}")))?;
        Ok((path.display().to_string(), text))
    };
    let files = settings.replies.rules.iter().map(read).collect::<io::Result<Vec<_>>>()?;
    let rules = if files.is_empty() {
        std::sync::Arc::clone(Rules::shipped())
    } else {
        let files = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        Rules::behind(files)
            .map_err(|fault| io::Error::new(io::ErrorKind::InvalidInput, fault.to_string()))?
    };
    let (others, suppress_after) = (settings.replies.heeded, settings.replies.suppress_after);
    Ok(Politeness { rules, others, suppress_after, ..Politeness::default() })
}

#[cfg(test)]
mod tests;
