//! The operator's API over gRPC, of planes that are apart.

use floopy_proto::admin::v1::admin_client::AdminClient;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};

use crate::Floopy;

/// Puts a key on every call.
#[derive(Debug, Clone)]
pub struct Key(MetadataValue<Ascii>);

impl Interceptor for Key {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let key = self.0.clone();
        request.metadata_mut().insert("authorization", key);
        Ok(request)
    }
}

/// Of the operator's API.
pub type Client = AdminClient<InterceptedService<Channel, Key>>;

/// With any key.
pub async fn client(floopy: &Floopy, key: &str) -> Client {
    let address = format!("http://{}", floopy.grpc_addr());
    let channel = Channel::from_shared(address).expect("an address");
    let channel = channel.connect().await.expect("listens");
    let key = format!("Bearer {key}").parse().expect("ASCII");
    AdminClient::with_interceptor(channel, Key(key))
}

/// With the operator's.
pub async fn of_operator(floopy: &Floopy) -> Client {
    client(floopy, floopy.operator_api().key()).await
}
