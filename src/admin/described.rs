//! How handlers, extractors and responses say what they are, in the words of `OpenAPI` 3.1.
//!
//! Schemas are those of the types, with JSON Schema 2020-12 as `OpenAPI` 3.1 has it, and not aide's older default. What
//! is read and what is written differ: a member with a default may be left out of a question, and is in every response.

use aide::openapi::{MediaType, ReferenceOr, Response, SchemaObject, StatusCode};
use aide::transform::TransformOperation;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema, json_schema};

/// Makes the schemas of responses.
pub(super) fn written() -> SchemaGenerator {
    generator(SchemaSettings::draft2020_12().for_serialize())
}

/// The schema of a question, with those that it refers to among those of `responses`.
pub(super) fn read<T: JsonSchema>(responses: &mut SchemaGenerator) -> Schema {
    let mut questions = generator(SchemaSettings::draft2020_12().for_deserialize());
    let schema = questions.subschema_for::<T>();
    responses.definitions_mut().extend(questions.take_definitions(true));
    schema
}

fn generator(settings: SchemaSettings) -> SchemaGenerator {
    settings.with(|settings| settings.definitions_path = "/components/schemas".into()).into_generator()
}

/// Something of this media type.
pub(super) fn content(schema: Schema) -> MediaType {
    let schema = SchemaObject { json_schema: schema, external_docs: None, example: None };
    MediaType { schema: Some(schema), ..MediaType::default() }
}

/// A response with this content.
pub(super) fn response(description: &str, media_type: &str, schema: Schema) -> Response {
    let content = [(media_type.to_owned(), content(schema))].into_iter().collect();
    Response { description: description.to_owned(), content, ..Response::default() }
}

/// The operation, with a response that is a text of some kind.
pub(super) fn text<'t>(
    mut operation: TransformOperation<'t>,
    description: &str,
    media_type: &str,
) -> TransformOperation<'t> {
    let response = response(description, media_type, json_schema!({"type": "string"}));
    let responses = operation.inner_mut().responses.get_or_insert_default();
    responses.responses.insert(StatusCode::Code(200), ReferenceOr::Item(response));
    operation
}
