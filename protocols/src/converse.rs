//! AWS Bedrock Converse.
