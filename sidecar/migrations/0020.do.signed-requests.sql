-- With what requests for operators are signed: the public half of an API key, which the key's text gives. A key that was made before
-- has none until it is made anew, or taken from its file once more.
alter table kki.api_key add column public_key bytea constraint api_key_public_key_length check (octet_length(public_key) = 32);
create unique index api_key_public_key_uniq on kki.api_key (public_key);

-- Signed requests that wrote something, for as long as they could be sent again.
create table kki.signed_request (
  id uuid constraint signed_request_pkey primary key,
  remembered_until timestamptz not null
);
