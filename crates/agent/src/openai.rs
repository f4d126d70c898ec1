//! A model behind any OpenAI-compatible endpoint.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_openai::{
    Client,
    config::OpenAIConfig,
    error::OpenAIError,
    types::chat::{
        ChatCompletionRequestMessage, ChatCompletionRequestSystemMessage,
        ChatCompletionRequestUserMessage, CreateChatCompletionRequest,
        CreateChatCompletionResponse, FinishReason, ResponseFormat, ResponseFormatJsonSchema,
    },
};
use async_trait::async_trait;
use domain::clock::Clock;
use reqwest::Url;

use crate::{
    model::{Call, Completion, Failure, Model, ModelError},
    transport::{self, Attempt},
};

/// Where a model is and how it is asked.
#[derive(Clone)]
pub struct Endpoint {
    /// Base address, for example `https://api.openai.com/v1`. Plain `http` is for loopback.
    pub url: String,
    /// The key, if the endpoint wants one. Never printed.
    pub api_key: Option<String>,
    /// The model's name, as the endpoint and the policy's allow-list know it.
    pub model: String,
    /// Time for one whole call. Slow local models need more than a minute.
    pub timeout: Duration,
    /// Lets `http` go to other hosts than this one: prompts and key then travel in the clear.
    pub allow_plain_http: bool,
}

impl Endpoint {
    /// An endpoint with a minute's time, and plain `http` on loopback only.
    pub fn new(url: impl Into<String>, model: impl Into<String>, api_key: Option<String>) -> Self {
        Self {
            url: url.into(),
            api_key: api_key.filter(|key| !key.trim().is_empty()),
            model: model.into(),
            timeout: Duration::from_mins(1),
            allow_plain_http: false,
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.url)
            .field("model", &self.model)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// An endpoint that cannot be used as set up.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The address is none.
    #[error("address of the model `{0}` is no http(s) address")]
    Address(String),
    /// The address carries a user or password, which would end up in logs.
    #[error("address of the model must not carry a user or password, set the API key instead")]
    Credentials,
    /// Prompts would travel in the clear.
    #[error(
        "plain http to `{0}` would send prompts in the clear: use https, or allow it explicitly"
    )]
    PlainHttp(String),
    /// The key is not something a header can carry.
    #[error("API key holds white space or characters that are not ASCII")]
    Key,
    /// The model has no name.
    #[error("model has no name")]
    Unnamed,
    /// The TLS library is not set up.
    #[error("HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
}

/// A language model behind an OpenAI-compatible endpoint.
///
/// Each call is one HTTP attempt: retries belong to the run's step, which counts them durably. The
/// one exception: an endpoint that refuses `response_format: json_schema` is asked again at once
/// without it, and from then on always without it.
///
/// The client library writes bodies of answers it cannot read to its log at level ERROR under the
/// target `async_openai`; subscribers must switch that target off.
pub struct OpenAiModel {
    name: String,
    client: Client<OpenAIConfig>,
    plain: AtomicBool,
}

impl fmt::Debug for OpenAiModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiModel").field("name", &self.name).finish_non_exhaustive()
    }
}

impl OpenAiModel {
    /// A client for an endpoint. `clock` is asked for the time when a `Retry-After` names a date.
    ///
    /// A rustls crypto provider must have been installed for the process.
    pub fn new(endpoint: Endpoint, clock: Arc<dyn Clock>) -> Result<Self, EndpointError> {
        let url = Url::parse(endpoint.url.trim())
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| EndpointError::Address(endpoint.url.clone()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        let host = url.host_str().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let loopback = host == "localhost"
            || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        if url.scheme() == "http" && !loopback && !endpoint.allow_plain_http {
            return Err(EndpointError::PlainHttp(host.to_owned()));
        }
        let key = endpoint.api_key.unwrap_or_default();
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(EndpointError::Key);
        }
        if endpoint.model.trim().is_empty() {
            return Err(EndpointError::Unnamed);
        }
        let http = transport::client(endpoint.timeout).map_err(EndpointError::Client)?;
        let has_key = !key.is_empty();
        // Everything is set: what is not, the library takes from the environment.
        let config = OpenAIConfig::new()
            .with_api_base(url.as_str().trim_end_matches('/'))
            .with_api_key(key)
            .with_org_id("")
            .with_project_id("");
        let sender = http.clone();
        let client =
            Client::build(http, config).with_http_service(tower::service_fn(move |factory| {
                transport::attempt(sender.clone(), Arc::clone(&clock), has_key, factory)
            }));
        Ok(Self { name: endpoint.model, client, plain: AtomicBool::new(false) })
    }

    async fn once(
        &self,
        call: &Call,
        plain: bool,
    ) -> Result<CreateChatCompletionResponse, Attempt> {
        let result = self.client.chat().create(self.request(call, plain)).await;
        result.map_err(|err| match err {
            OpenAIError::Boxed(err) => match err.downcast::<Attempt>() {
                Ok(attempt) => *attempt,
                Err(_) => ModelError::new(Failure::CutOff).into(),
            },
            OpenAIError::InvalidArgument(_) => ModelError::new(Failure::BadRequest).into(),
            _ => ModelError::new(Failure::Malformed).into(),
        })
    }

    fn request(&self, call: &Call, plain: bool) -> CreateChatCompletionRequest {
        let mut system = call.system.as_str().to_owned();
        if plain {
            system.push_str("\n\nThe JSON object must match this JSON Schema:\n");
            system.push_str(&call.schema.json.to_string());
        }
        let messages = vec![
            ChatCompletionRequestMessage::System(ChatCompletionRequestSystemMessage::from(system)),
            ChatCompletionRequestMessage::User(ChatCompletionRequestUserMessage::from(
                call.user.as_str(),
            )),
        ];
        let response_format = (!plain).then(|| ResponseFormat::JsonSchema {
            json_schema: ResponseFormatJsonSchema {
                description: None,
                name: call.schema.name.to_owned(),
                schema: call.schema.json.clone(),
                strict: Some(true),
            },
        });
        #[expect(deprecated, reason = "most compatible endpoints know only `max_tokens`")]
        CreateChatCompletionRequest {
            model: self.name.clone(),
            messages,
            temperature: Some(call.temperature),
            max_tokens: Some(call.max_tokens),
            response_format,
            ..CreateChatCompletionRequest::default()
        }
    }
}

#[async_trait]
impl Model for OpenAiModel {
    fn name(&self) -> &str {
        &self.name
    }

    async fn complete(&self, call: &Call) -> Result<Completion, ModelError> {
        let plain = self.plain.load(Ordering::Relaxed);
        let mut calls = 1;
        let response = match self.once(call, plain).await {
            Err(attempt) if attempt.schema_refused && !plain => {
                calls = 2;
                let response = self.once(call, true).await;
                if response.is_ok() {
                    self.plain.store(true, Ordering::Relaxed);
                    tracing::info!(model = %self.name, "endpoint does not know JSON Schema, asking in words");
                }
                response
            }
            other => other,
        };
        let mut response = response.map_err(|attempt| attempt.error)?;
        let tokens = response
            .usage
            .as_ref()
            .map(|usage| u64::from(usage.prompt_tokens) + u64::from(usage.completion_tokens));
        let choice = response.choices.pop().ok_or(ModelError::new(Failure::Empty))?;
        if choice.message.refusal.is_some_and(|refusal| !refusal.is_empty()) {
            return Err(ModelError::new(Failure::Refused));
        }
        match choice.finish_reason {
            Some(FinishReason::Length) => return Err(ModelError::new(Failure::Truncated)),
            Some(FinishReason::ContentFilter) => return Err(ModelError::new(Failure::Refused)),
            _ => {}
        }
        match choice.message.content.filter(|text| !text.trim().is_empty()) {
            Some(text) => Ok(Completion { text, tokens, calls, notes: Vec::new() }),
            None => Err(ModelError::new(Failure::Empty)),
        }
    }
}
