//! What a domain says in DNS of its policy.

/// What a domain says in DNS of its policy: that there is one, and which.
///
/// [RFC 8461 §3.1](https://www.rfc-editor.org/rfc/rfc8461#section-3.1)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StsRecord {
    /// Changes whenever the policy does.
    pub id: Box<str>,
}

/// The longest [`StsRecord::id`].
const ID_BYTES_MAX: usize = 32;

impl StsRecord {
    /// Finds it among the TXT records of `_mta-sts.` and the domain, each with its strings joined.
    /// `None` if there is none, more than one, or one that is not right: then no policy is to be
    /// fetched.
    pub fn find<'t>(records: impl IntoIterator<Item = &'t str>) -> Option<Self> {
        let mut ours = records.into_iter().filter_map(fields);
        let (first, None) = (ours.next()?, ours.next()) else { return None };
        Self::read(first)
    }

    fn read(fields: &str) -> Option<Self> {
        let mut id = None;
        // One delimiter may stand at the end.
        let fields = fields.trim_matches([' ', '\t']);
        let fields = fields.strip_suffix(';').unwrap_or(fields);
        for field in fields.split(';') {
            let (name, value) = field.trim_matches([' ', '\t']).split_once('=')?;
            if !is_name(name) || !is_value(value) {
                return None;
            }
            if name == "id" && id.is_none() {
                id = Some(value);
            }
        }
        let fits = |id: &&str| {
            id.len() <= ID_BYTES_MAX && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        id.filter(fits).map(|id| Self { id: id.into() })
    }
}

/// What stands behind the version; all other records are none of ours.
fn fields(record: &str) -> Option<&str> {
    record.strip_prefix("v=STSv1")?.trim_start_matches([' ', '\t']).strip_prefix(';')
}

fn is_name(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=32).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(inside)
}

fn is_value(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'=')
}
