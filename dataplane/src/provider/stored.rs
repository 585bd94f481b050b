//! A provider under a credential of the store: where it is configured to be, unless the credential says where.

use std::sync::Arc;

use floopy_shared::domain::credential::Credential;

use super::{Credentials, Provider, assemble};
use crate::{config, upstream::breaker::Breakers};

impl Provider {
    /// `place`: what is configured of it. None of the credentials that are configured go along.
    pub(crate) fn stored(
        mut place: config::Provider,
        credential: &Credential,
        breakers: Arc<Breakers>,
    ) -> Result<Self, String> {
        place.api_key = None;
        place.bearer = false;
        place.service_account_file = None;
        place.access_key_id = None;
        place.secret_access_key = None;
        place.session_token = None;
        if let Some(url) = &credential.base_url {
            place.base_url = Some(url.to_string());
            // That was said of another address.
            place.allow_private = false;
        }
        let said = |text: &Option<_>, before| text.as_deref().cloned().or(before);
        place.region = said(&credential.region, place.region.take());
        place.project = said(&credential.project, place.project.take());
        let known = place.known();
        let needs = known.map_or(&["base_url"][..], |known| known.needs);
        let lacks = |need: &&&str| match **need {
            "base_url" => place.base_url.is_none(),
            "region" => place.region.is_none(),
            _ => false,
        };
        if let Some(need) = needs.iter().find(lacks) {
            return Err(format!(
                "it has no {need}, and none is configured at this proxy"
            ));
        }
        let credentials = Credentials::stored(credential, &place)?;
        assemble(&place, credentials, Some(breakers)).map_err(|e| e.to_string())
    }
}
