//! What callers say calls belong to.

use floopy_shared::domain::tags::Tags;

pub(crate) fn any(flag: bool) -> Tags {
    let text = |text: &str| Some(text.to_owned()).filter(|_| flag);
    Tags {
        session_name: text("Onboarding"),
        session_path: text("/app/ü"),
        user: text("ann"),
        properties: [("plan", "pro"), ("tier", "")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    }
}
