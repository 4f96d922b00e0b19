//! The rules that are part of the program.

use super::rules::{Fault, Rules};
use std::sync::{Arc, LazyLock};

/// A file of `profiles/`, with its name.
macro_rules! profiles {
    ($($name:literal)*) => {
        [$((
            concat!($name, ".toml"),
            include_str!(concat!("../../profiles/", $name, ".toml")),
        ),)*]
    };
}

/// One file a provider, then what is for everybody.
pub(super) const FILES: &[(&str, &str)] = &profiles! {
    "google" "microsoft" "yahoo" "yahoo-japan" "apple" "orange" "laposte" "sfr" "free" "gmx" "t-online"
    "comcast" "cox" "spectrum" "att" "proofpoint" "mimecast" "mail-ru" "yandex" "qq" "netease" "zoho"
    "godaddy" "blocklists" "common" "codes"
};

impl Rules {
    /// The rules that are part of the program, read once.
    ///
    /// # Panics
    /// Never: a test reads them.
    #[must_use]
    pub fn shipped() -> &'static Arc<Self> {
        static RULES: LazyLock<Arc<Rules>> =
            LazyLock::new(|| Rules::behind([]).unwrap_or_else(|fault| panic!("{fault}")));
        &RULES
    }

    /// These files in front of the rules that are part of the program.
    ///
    /// # Errors
    /// The first fault.
    pub fn behind<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Arc<Self>, Fault> {
        Self::parse(files.into_iter().chain(FILES.iter().copied())).map(Arc::new)
    }
}
