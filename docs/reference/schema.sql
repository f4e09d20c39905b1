-- The database as the migrations make it: written by "npm run schema", to read and to compare. The reasons are in
-- sidecar/migrations, the grants of the service in sidecar/migrations/roles. The schema pgboss belongs to the queue's library.

CREATE TABLE kki.api_key (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    name text NOT NULL,
    digest bytea NOT NULL,
    public_key bytea,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    CONSTRAINT api_key_pkey PRIMARY KEY (id),
    CONSTRAINT api_key_digest_length CHECK ((octet_length(digest) = 32)),
    CONSTRAINT api_key_public_key_length CHECK ((octet_length(public_key) = 32))
);
CREATE UNIQUE INDEX api_key_digest_uniq ON kki.api_key USING btree (digest);
CREATE UNIQUE INDEX api_key_name_uniq ON kki.api_key USING btree (name) WHERE (revoked_at IS NULL);
CREATE UNIQUE INDEX api_key_public_key_uniq ON kki.api_key USING btree (public_key);

CREATE TABLE kki.audit_chain (
    seq bigint NOT NULL,
    event_id bigint NOT NULL,
    event_hash bytea NOT NULL,
    key_id smallint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_chain_pkey PRIMARY KEY (seq),
    CONSTRAINT audit_chain_event_id_key UNIQUE (event_id),
    CONSTRAINT audit_chain_event_hash_length CHECK ((octet_length(event_hash) = 32)),
    CONSTRAINT audit_chain_hash_length CHECK ((octet_length(hash) = 32)),
    CONSTRAINT audit_chain_key_id_range CHECK (((key_id >= 1) AND (key_id <= 255))),
    CONSTRAINT audit_chain_seq_positive CHECK ((seq > 0))
);
CREATE TRIGGER audit_chain_append_only BEFORE DELETE OR UPDATE ON kki.audit_chain FOR EACH ROW EXECUTE FUNCTION kki.refuse_change();
CREATE TRIGGER audit_chain_no_truncate BEFORE TRUNCATE ON kki.audit_chain FOR EACH STATEMENT EXECUTE FUNCTION kki.refuse_change();

CREATE TABLE kki.audit_check (
    is_last boolean DEFAULT true NOT NULL,
    checked_at timestamp with time zone DEFAULT now() NOT NULL,
    events bigint NOT NULL,
    findings bigint NOT NULL,
    odoo_differing bigint DEFAULT 0 NOT NULL,
    CONSTRAINT audit_check_pkey PRIMARY KEY (is_last),
    CONSTRAINT audit_check_is_last CHECK (is_last)
);

CREATE TABLE kki.audit_event (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    action text NOT NULL,
    actor text NOT NULL,
    api_key_id bigint,
    run_id bigint,
    batch_id bigint,
    request_id text,
    trace_id text,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT audit_event_pkey PRIMARY KEY (id)
);
CREATE INDEX audit_event_batch_id_idx ON kki.audit_event USING btree (batch_id);
CREATE INDEX audit_event_disclosures_idx ON kki.audit_event USING btree (id) WHERE (action = ANY (ARRAY['disclosures.sealed'::text, 'disclosures.purged'::text]));
CREATE INDEX audit_event_health_worker_idx ON kki.audit_event USING btree (((detail -> 'healthWorkerId'::text)), id) WHERE (detail ? 'healthWorkerId'::text);
CREATE INDEX audit_event_nik_lookup_idx ON kki.audit_event USING btree (api_key_id, at) WHERE (action = 'nik.looked_up'::text);
CREATE INDEX audit_event_request_id_idx ON kki.audit_event USING btree (request_id);
CREATE INDEX audit_event_run_id_idx ON kki.audit_event USING btree (run_id) WHERE (run_id IS NOT NULL);
CREATE INDEX audit_event_seal_unfit_idx ON kki.audit_event USING btree (at) WHERE (action = 'seal.unfit'::text);
CREATE INDEX audit_event_trace_id_idx ON kki.audit_event USING btree (trace_id);
CREATE TRIGGER audit_event_append_only BEFORE DELETE OR UPDATE ON kki.audit_event FOR EACH ROW EXECUTE FUNCTION kki.refuse_change();
CREATE TRIGGER audit_event_await_link AFTER INSERT ON kki.audit_event REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION kki.await_link();
CREATE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON kki.audit_event FOR EACH STATEMENT EXECUTE FUNCTION kki.refuse_change();

CREATE TABLE kki.audit_unchained (
    event_id bigint NOT NULL,
    CONSTRAINT audit_unchained_pkey PRIMARY KEY (event_id)
);

CREATE TABLE kki.batch (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    run_id bigint NOT NULL,
    kind text NOT NULL,
    profession text COLLATE "C",
    source_profession text,
    state text DEFAULT 'queued'::text NOT NULL,
    fence bigint DEFAULT 0 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    start_cursor text,
    cursor text,
    pages integer DEFAULT 0 NOT NULL,
    fetched bigint DEFAULT 0 NOT NULL,
    created bigint DEFAULT 0 NOT NULL,
    linked bigint DEFAULT 0 NOT NULL,
    updated bigint DEFAULT 0 NOT NULL,
    unchanged bigint DEFAULT 0 NOT NULL,
    superseded bigint DEFAULT 0 NOT NULL,
    rejected bigint DEFAULT 0 NOT NULL,
    deactivated bigint DEFAULT 0 NOT NULL,
    as_of date,
    plan_digest text,
    replans integer DEFAULT 0 NOT NULL,
    hold_asked text[] DEFAULT '{}'::text[] NOT NULL,
    hold_reasons text[],
    is_waived boolean DEFAULT false NOT NULL,
    effects jsonb,
    error_code text,
    error_detail text,
    trace_id text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    fetch_started_at timestamp with time zone,
    fetched_at timestamp with time zone,
    planned_at timestamp with time zone,
    finished_at timestamp with time zone,
    undone_at timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT batch_pkey PRIMARY KEY (id),
    CONSTRAINT batch_run_fkey FOREIGN KEY (run_id) REFERENCES kki.run(id),
    CONSTRAINT batch_error_told CHECK (((state = 'failed'::text) = (error_code IS NOT NULL))),
    CONSTRAINT batch_kind_known CHECK ((kind = ANY (ARRAY['incremental'::text, 'window'::text, 'full'::text, 'file'::text, 'import'::text, 'retry'::text, 'decision'::text, 'clock'::text, 'check'::text]))),
    CONSTRAINT batch_ledger_balances CHECK (((NOT kki.has_outcomes(state)) OR (fetched = (((((created + linked) + updated) + unchanged) + superseded) + rejected)))),
    CONSTRAINT batch_state_known CHECK ((state = ANY (ARRAY['queued'::text, 'fetching'::text, 'staged'::text, 'planned'::text, 'held'::text, 'applied'::text, 'undone'::text, 'failed'::text, 'cancelled'::text, 'discarded'::text, 'superseded'::text]))),
    CONSTRAINT batch_trace_id_shape CHECK ((trace_id ~ '^[0-9a-f]{32}$'::text))
);
CREATE INDEX batch_held_idx ON kki.batch USING btree (run_id) WHERE (state = 'held'::text);
CREATE INDEX batch_run_id_idx ON kki.batch USING btree (run_id);
CREATE INDEX batch_trace_id_idx ON kki.batch USING btree (trace_id);

CREATE TABLE kki.change (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    batch_id bigint,
    row_no bigint,
    operation text NOT NULL,
    health_worker_id bigint NOT NULL,
    registration_id bigint,
    health_worker_before jsonb,
    registration_before jsonb,
    CONSTRAINT change_pkey PRIMARY KEY (id),
    CONSTRAINT change_operation_known CHECK ((operation = ANY (ARRAY['created'::text, 'linked'::text, 'updated'::text, 'edited'::text])))
);
CREATE INDEX change_batch_id_idx ON kki.change USING btree (batch_id, id);
CREATE INDEX change_former_holder_idx ON kki.change USING btree ((((registration_before ->> 'health_worker_id'::text))::bigint), id) WHERE (registration_before ? 'health_worker_id'::text);
CREATE INDEX change_health_worker_id_idx ON kki.change USING btree (health_worker_id, id);
CREATE INDEX change_registration_id_idx ON kki.change USING btree (registration_id, id) WHERE (registration_id IS NOT NULL);

CREATE TABLE kki.decision (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    str_number text COLLATE "C" NOT NULL,
    nik_digest bytea,
    name_key text COLLATE "C",
    health_worker_id bigint,
    rejection_id bigint,
    batch_id bigint,
    effects_digest text,
    decided_by text NOT NULL,
    decided_at timestamp with time zone DEFAULT now() NOT NULL,
    withdrawn_at timestamp with time zone,
    CONSTRAINT decision_pkey PRIMARY KEY (id),
    CONSTRAINT decision_batch_fkey FOREIGN KEY (batch_id) REFERENCES kki.batch(id),
    CONSTRAINT decision_health_worker_fkey FOREIGN KEY (health_worker_id) REFERENCES sdmk.health_worker(id),
    CONSTRAINT decision_rejection_fkey FOREIGN KEY (rejection_id) REFERENCES kki.rejection(id)
);
CREATE INDEX decision_batch_id_idx ON kki.decision USING btree (batch_id);
CREATE INDEX decision_health_worker_id_idx ON kki.decision USING btree (health_worker_id);
CREATE INDEX decision_rejection_id_idx ON kki.decision USING btree (rejection_id);
CREATE UNIQUE INDEX decision_standing_uniq ON kki.decision USING btree (str_number, nik_digest, name_key) NULLS NOT DISTINCT WHERE (withdrawn_at IS NULL);

CREATE TABLE kki.disclosure (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    channel text COLLATE "C" NOT NULL,
    actor text NOT NULL,
    role text,
    api_key_id bigint,
    reason text,
    batch_id bigint,
    request_id text NOT NULL,
    answers integer NOT NULL,
    people int8multirange NOT NULL,
    rejections int8multirange NOT NULL,
    unnamed integer NOT NULL,
    CONSTRAINT disclosure_pkey PRIMARY KEY (id),
    CONSTRAINT disclosure_tells_something CHECK (((NOT isempty(people)) OR (NOT isempty(rejections)) OR (unnamed > 0)))
);
CREATE INDEX disclosure_at_idx ON kki.disclosure USING btree (at);
CREATE INDEX disclosure_key_idx ON kki.disclosure USING btree (api_key_id, at);
CREATE TRIGGER disclosure_hold BEFORE INSERT ON kki.disclosure FOR EACH STATEMENT EXECUTE FUNCTION kki.hold_disclosures();
CREATE TRIGGER disclosure_no_early_delete BEFORE DELETE ON kki.disclosure FOR EACH ROW WHEN ((old.at > (now() - '30 days'::interval))) EXECUTE FUNCTION kki.refuse_change();
CREATE TRIGGER disclosure_no_truncate BEFORE TRUNCATE ON kki.disclosure FOR EACH STATEMENT EXECUTE FUNCTION kki.refuse_change();
CREATE TRIGGER disclosure_no_update BEFORE UPDATE ON kki.disclosure FOR EACH ROW EXECUTE FUNCTION kki.refuse_change();

CREATE TABLE kki.not_listed (
    registration_id bigint NOT NULL,
    missed_runs integer NOT NULL,
    first_missed_at timestamp with time zone DEFAULT now() NOT NULL,
    last_missed_at timestamp with time zone DEFAULT now() NOT NULL,
    last_batch_id bigint NOT NULL,
    CONSTRAINT not_listed_pkey PRIMARY KEY (registration_id),
    CONSTRAINT not_listed_last_batch_fkey FOREIGN KEY (last_batch_id) REFERENCES kki.batch(id),
    CONSTRAINT not_listed_registration_fkey FOREIGN KEY (registration_id) REFERENCES sdmk.registration(id) ON DELETE CASCADE
);

CREATE TABLE kki.plan_row (
    batch_id bigint NOT NULL,
    row_no bigint NOT NULL,
    outcome text NOT NULL,
    rule smallint,
    evidence text,
    health_worker_id bigint,
    health_worker_version bigint,
    registration_id bigint,
    registration_version bigint,
    status text,
    str_is_new boolean DEFAULT false NOT NULL,
    deactivation_only boolean DEFAULT false NOT NULL,
    problems jsonb,
    candidates bigint[],
    urgent boolean DEFAULT false NOT NULL,
    warnings text[],
    rank smallint DEFAULT 2 NOT NULL,
    CONSTRAINT plan_row_outcome_known CHECK ((outcome = ANY (ARRAY['created'::text, 'linked'::text, 'updated'::text, 'unchanged'::text, 'superseded'::text, 'rejected'::text])))
) PARTITION BY LIST (batch_id);

CREATE TABLE kki.refetch (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    since timestamp with time zone,
    until timestamp with time zone NOT NULL,
    professions text[],
    undone_batch_id bigint NOT NULL,
    run_id bigint,
    done_at timestamp with time zone,
    CONSTRAINT refetch_pkey PRIMARY KEY (id),
    CONSTRAINT refetch_run_fkey FOREIGN KEY (run_id) REFERENCES kki.run(id),
    CONSTRAINT refetch_undone_batch_fkey FOREIGN KEY (undone_batch_id) REFERENCES kki.batch(id)
);
CREATE INDEX refetch_open_idx ON kki.refetch USING btree (id) WHERE (done_at IS NULL);
CREATE INDEX refetch_undone_batch_id_idx ON kki.refetch USING btree (undone_batch_id);

CREATE TABLE kki.rejection (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    source text DEFAULT 'kki'::text NOT NULL,
    subject text COLLATE "C" NOT NULL,
    str_number text COLLATE "C",
    profession text COLLATE "C",
    code text NOT NULL,
    problems jsonb NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    urgent boolean NOT NULL,
    rule smallint,
    evidence text,
    candidates bigint[],
    seen_count bigint DEFAULT 1 NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    first_batch_id bigint NOT NULL,
    last_batch_id bigint NOT NULL,
    decided_at timestamp with time zone,
    decided_by text,
    decision_reason text,
    closed_by_batch_id bigint,
    version bigint DEFAULT nextval('sdmk.version_seq'::regclass) NOT NULL,
    CONSTRAINT rejection_pkey PRIMARY KEY (id),
    CONSTRAINT rejection_closed_by_batch_fkey FOREIGN KEY (closed_by_batch_id) REFERENCES kki.batch(id),
    CONSTRAINT rejection_first_batch_fkey FOREIGN KEY (first_batch_id) REFERENCES kki.batch(id),
    CONSTRAINT rejection_last_batch_fkey FOREIGN KEY (last_batch_id) REFERENCES kki.batch(id),
    CONSTRAINT rejection_state_known CHECK ((state = ANY (ARRAY['open'::text, 'resolved'::text, 'dismissed'::text, 'cleared'::text])))
) WITH (fillfactor=50);
CREATE INDEX rejection_closed_by_batch_idx ON kki.rejection USING btree (closed_by_batch_id) WHERE (closed_by_batch_id IS NOT NULL);
CREATE INDEX rejection_dismissed_idx ON kki.rejection USING btree (source, subject, code) WHERE (state = 'dismissed'::text);
CREATE INDEX rejection_open_code_idx ON kki.rejection USING btree (code, id) WHERE (state = 'open'::text);
CREATE UNIQUE INDEX rejection_open_uniq ON kki.rejection USING btree (source, subject, code) WHERE (state = 'open'::text);
CREATE INDEX rejection_state_idx ON kki.rejection USING btree (state, urgent, id);
CREATE INDEX rejection_subject_idx ON kki.rejection USING btree (subject) WHERE (state = ANY (ARRAY['open'::text, 'dismissed'::text]));

CREATE TABLE kki.rejection_occurrence (
    batch_id bigint NOT NULL,
    row_no bigint NOT NULL,
    rejection_id bigint NOT NULL,
    page integer NOT NULL,
    page_row integer NOT NULL,
    profession text COLLATE "C",
    status text,
    source_status text,
    urgent boolean DEFAULT false NOT NULL,
    nik_digest bytea,
    name_key text COLLATE "C",
    source_at timestamp with time zone,
    raw_sealed bytea STORAGE EXTERNAL,
    content_digest bytea,
    settled_by_batch_id bigint,
    CONSTRAINT rejection_occurrence_pkey PRIMARY KEY (batch_id, row_no, rejection_id),
    CONSTRAINT rejection_occurrence_batch_fkey FOREIGN KEY (batch_id) REFERENCES kki.batch(id),
    CONSTRAINT rejection_occurrence_rejection_fkey FOREIGN KEY (rejection_id) REFERENCES kki.rejection(id),
    CONSTRAINT rejection_occurrence_settled_by_fkey FOREIGN KEY (settled_by_batch_id) REFERENCES kki.batch(id)
);
CREATE INDEX rejection_occurrence_rejection_id_idx ON kki.rejection_occurrence USING btree (rejection_id, batch_id, row_no);
CREATE INDEX rejection_occurrence_settled_by_idx ON kki.rejection_occurrence USING btree (settled_by_batch_id) WHERE (settled_by_batch_id IS NOT NULL);
CREATE INDEX rejection_occurrence_waiting_idx ON kki.rejection_occurrence USING btree (rejection_id) WHERE (settled_by_batch_id IS NULL);
CREATE INDEX rejection_occurrence_waiting_nik_idx ON kki.rejection_occurrence USING btree (nik_digest) WHERE ((settled_by_batch_id IS NULL) AND (nik_digest IS NOT NULL));

CREATE TABLE kki.retry_item (
    batch_id bigint NOT NULL,
    item_no integer NOT NULL,
    str_number text COLLATE "C" NOT NULL,
    str_asked text NOT NULL,
    answer text,
    answered_at timestamp with time zone,
    CONSTRAINT retry_item_pkey PRIMARY KEY (batch_id, item_no),
    CONSTRAINT retry_item_batch_fkey FOREIGN KEY (batch_id) REFERENCES kki.batch(id),
    CONSTRAINT retry_item_answer_known CHECK ((answer = ANY (ARRAY['found'::text, 'not_found'::text, 'denied'::text])))
);
CREATE INDEX retry_item_str_number_idx ON kki.retry_item USING btree (str_number);

CREATE TABLE kki.run (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    slot timestamp with time zone,
    triggered_by text NOT NULL,
    mode text NOT NULL,
    apply_mode text DEFAULT 'auto'::text NOT NULL,
    professions text[],
    is_filtered boolean DEFAULT false NOT NULL,
    changed_since timestamp with time zone,
    changed_until timestamp with time zone,
    window_since timestamp with time zone,
    window_until timestamp with time zone,
    source_time timestamp with time zone,
    expected_total bigint,
    skipped_reason text,
    actor text NOT NULL,
    api_key_id bigint,
    idempotency_key text,
    request_digest bytea,
    request_id text NOT NULL,
    trace_id text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT run_pkey PRIMARY KEY (id),
    CONSTRAINT run_api_key_fkey FOREIGN KEY (api_key_id) REFERENCES kki.api_key(id),
    CONSTRAINT run_apply_mode_known CHECK ((apply_mode = ANY (ARRAY['auto'::text, 'hold'::text]))),
    CONSTRAINT run_mode_known CHECK ((mode = ANY (ARRAY['incremental'::text, 'window'::text, 'full'::text, 'file'::text, 'import'::text, 'retry'::text, 'decision'::text, 'clock'::text, 'check'::text]))),
    CONSTRAINT run_trace_id_shape CHECK ((trace_id ~ '^[0-9a-f]{32}$'::text)),
    CONSTRAINT run_triggered_by_known CHECK ((triggered_by = ANY (ARRAY['schedule'::text, 'operator'::text, 'api'::text, 'command'::text])))
);
CREATE UNIQUE INDEX run_idempotency_key_uniq ON kki.run USING btree (api_key_id, idempotency_key) NULLS NOT DISTINCT WHERE (idempotency_key IS NOT NULL);
CREATE UNIQUE INDEX run_open_uniq ON kki.run USING btree (mode) WHERE ((finished_at IS NULL) AND kki.is_walk(mode));
CREATE UNIQUE INDEX run_slot_uniq ON kki.run USING btree (slot);

CREATE TABLE kki.schema_version (
    version bigint NOT NULL,
    name text,
    md5 text,
    run_at timestamp with time zone,
    CONSTRAINT schema_version_pkey PRIMARY KEY (version)
);

CREATE TABLE kki.setting (
    integration text NOT NULL,
    active boolean NOT NULL,
    schedule text NOT NULL,
    professions text[],
    reject_alert_ratio numeric NOT NULL,
    create_unmatched text NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    changed_by text NOT NULL,
    CONSTRAINT setting_pkey PRIMARY KEY (integration),
    CONSTRAINT setting_create_unmatched_known CHECK ((create_unmatched = ANY (ARRAY['create'::text, 'review'::text]))),
    CONSTRAINT setting_reject_alert_ratio_share CHECK (((reject_alert_ratio > (0)::numeric) AND (reject_alert_ratio <= (1)::numeric)))
);

CREATE TABLE kki.shown (
    batch_id bigint NOT NULL,
    run_id bigint NOT NULL,
    registration_ids bigint[] NOT NULL,
    CONSTRAINT shown_pkey PRIMARY KEY (batch_id),
    CONSTRAINT shown_batch_fkey FOREIGN KEY (batch_id) REFERENCES kki.batch(id)
);
CREATE INDEX shown_run_id_idx ON kki.shown USING btree (run_id);

CREATE TABLE kki.signed_request (
    id uuid NOT NULL,
    remembered_until timestamp with time zone NOT NULL,
    CONSTRAINT signed_request_pkey PRIMARY KEY (id)
);

CREATE TABLE kki.staged_page (
    batch_id bigint NOT NULL,
    page integer NOT NULL,
    body_sealed bytea NOT NULL STORAGE EXTERNAL,
    CONSTRAINT staged_page_pkey PRIMARY KEY (batch_id, page)
) PARTITION BY LIST (batch_id);

CREATE TABLE kki.staged_rejection (
    batch_id bigint NOT NULL,
    row_no bigint NOT NULL,
    page integer NOT NULL,
    page_row integer NOT NULL,
    subject text COLLATE "C" NOT NULL,
    str_number text COLLATE "C",
    profession text COLLATE "C",
    nik_digest bytea,
    name_key text COLLATE "C",
    source_at timestamp with time zone,
    problems jsonb NOT NULL,
    urgent boolean NOT NULL,
    by_plan boolean NOT NULL,
    rule smallint,
    evidence text,
    candidates bigint[],
    raw_sealed bytea NOT NULL STORAGE EXTERNAL,
    content_digest bytea
) PARTITION BY LIST (batch_id);

CREATE TABLE kki.staged_row (
    batch_id bigint NOT NULL,
    row_no bigint NOT NULL,
    page integer NOT NULL,
    page_row integer NOT NULL,
    str_number text COLLATE "C",
    str_raw text,
    str_format text,
    new_health_worker_id bigint,
    nik_digest bytea,
    nik_sealed bytea,
    name text NOT NULL,
    title_prefix text,
    title_suffix text,
    name_key text COLLATE "C" NOT NULL,
    birth_place text,
    birth_place_key text COLLATE "C",
    birth_date date,
    sex text,
    person_at timestamp with time zone,
    profession text COLLATE "C",
    competence text,
    status text NOT NULL,
    source_status text,
    issued_on date,
    valid_until date,
    is_lifetime boolean NOT NULL,
    institution text,
    graduation_year integer,
    province text,
    source_at timestamp with time zone NOT NULL,
    content_hash bytea NOT NULL,
    warnings text[],
    deactivation_only boolean NOT NULL,
    problems jsonb
) PARTITION BY LIST (batch_id);

CREATE TABLE kki.staged_unchanged (
    batch_id bigint NOT NULL,
    page integer NOT NULL,
    registration_ids bigint[] NOT NULL STORAGE EXTERNAL,
    warnings text[] NOT NULL
) PARTITION BY LIST (batch_id);

CREATE TABLE kki.watermark (
    integration text NOT NULL,
    "position" timestamp with time zone NOT NULL,
    run_id bigint,
    moved_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT watermark_pkey PRIMARY KEY (integration),
    CONSTRAINT watermark_run_fkey FOREIGN KEY (run_id) REFERENCES kki.run(id)
);

CREATE FUNCTION kki.await_link()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into kki.audit_unchained (event_id) select id from added;
  return null;
end
$function$;

CREATE FUNCTION kki.changed_fields(before sdmk.health_worker, after sdmk.health_worker)
 RETURNS jsonb
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN NULLIF((to_jsonb(before) - array_remove(ARRAY['version'::text, 'updated_at'::text, CASE
   WHEN (NOT ((before).id IS DISTINCT FROM (after).id)) THEN 'id'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).nik_digest IS DISTINCT FROM (after).nik_digest)) THEN 'nik_digest'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).nik_sealed IS DISTINCT FROM (after).nik_sealed)) THEN 'nik_sealed'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).name IS DISTINCT FROM (after).name)) THEN 'name'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).title_prefix IS DISTINCT FROM (after).title_prefix)) THEN 'title_prefix'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).title_suffix IS DISTINCT FROM (after).title_suffix)) THEN 'title_suffix'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).name_key IS DISTINCT FROM (after).name_key)) THEN 'name_key'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).birth_place IS DISTINCT FROM (after).birth_place)) THEN 'birth_place'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).birth_place_key IS DISTINCT FROM (after).birth_place_key)) THEN 'birth_place_key'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).birth_date IS DISTINCT FROM (after).birth_date)) THEN 'birth_date'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).sex IS DISTINCT FROM (after).sex)) THEN 'sex'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).nik_at IS DISTINCT FROM (after).nik_at)) THEN 'nik_at'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).name_at IS DISTINCT FROM (after).name_at)) THEN 'name_at'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).birth_place_at IS DISTINCT FROM (after).birth_place_at)) THEN 'birth_place_at'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).birth_date_at IS DISTINCT FROM (after).birth_date_at)) THEN 'birth_date_at'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).sex_at IS DISTINCT FROM (after).sex_at)) THEN 'sex_at'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).restricted_at IS DISTINCT FROM (after).restricted_at)) THEN 'restricted_at'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).erased_at IS DISTINCT FROM (after).erased_at)) THEN 'erased_at'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).created_at IS DISTINCT FROM (after).created_at)) THEN 'created_at'::text
   ELSE NULL::text END], NULL::text)), '{}'::jsonb);

CREATE FUNCTION kki.changed_fields(before sdmk.registration, after sdmk.registration)
 RETURNS jsonb
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN NULLIF((to_jsonb(before) - array_remove(ARRAY['version'::text, 'updated_at'::text, CASE
   WHEN (NOT ((before).id IS DISTINCT FROM (after).id)) THEN 'id'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).health_worker_id IS DISTINCT FROM (after).health_worker_id)) THEN 'health_worker_id'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).str_number IS DISTINCT FROM (after).str_number)) THEN 'str_number'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).str_raw IS DISTINCT FROM (after).str_raw)) THEN 'str_raw'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).str_format IS DISTINCT FROM (after).str_format)) THEN 'str_format'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).profession IS DISTINCT FROM (after).profession)) THEN 'profession'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).competence IS DISTINCT FROM (after).competence)) THEN 'competence'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).status IS DISTINCT FROM (after).status)) THEN 'status'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).stated_status IS DISTINCT FROM (after).stated_status)) THEN 'stated_status'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).source_status IS DISTINCT FROM (after).source_status)) THEN 'source_status'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).issued_on IS DISTINCT FROM (after).issued_on)) THEN 'issued_on'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).valid_until IS DISTINCT FROM (after).valid_until)) THEN 'valid_until'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).is_lifetime IS DISTINCT FROM (after).is_lifetime)) THEN 'is_lifetime'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).institution IS DISTINCT FROM (after).institution)) THEN 'institution'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).graduation_year IS DISTINCT FROM (after).graduation_year)) THEN 'graduation_year'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).province IS DISTINCT FROM (after).province)) THEN 'province'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).source_at IS DISTINCT FROM (after).source_at)) THEN 'source_at'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).content_hash IS DISTINCT FROM (after).content_hash)) THEN 'content_hash'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).warnings IS DISTINCT FROM (after).warnings)) THEN 'warnings'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).match_reason IS DISTINCT FROM (after).match_reason)) THEN 'match_reason'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).replaced_by IS DISTINCT FROM (after).replaced_by)) THEN 'replaced_by'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).erased_at IS DISTINCT FROM (after).erased_at)) THEN 'erased_at'::text
   ELSE NULL::text END, CASE
   WHEN (NOT ((before).created_at IS DISTINCT FROM (after).created_at)) THEN 'created_at'::text
   ELSE NULL::text END], NULL::text)), '{}'::jsonb);

CREATE FUNCTION kki.decision_fits(decision kki.decision, nik_digest bytea, name_key text, born_on date)
 RETURNS boolean
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN (((decision).withdrawn_at IS NULL)
   AND (NOT ((decision).nik_digest IS DISTINCT FROM nik_digest))
   AND (((decision).name_key IS NULL)
   OR ((decision).name_key = name_key)
   OR ((sdmk.name_agreement((decision).name_key, name_key) = 'part'::text)
   AND (NOT (EXISTS (SELECT FROM sdmk.health_worker h WHERE ((h.id = (decision_fits.decision).health_worker_id)
   AND (sdmk.date_agreement(h.birth_date, decision_fits.born_on) = 'different'::text))))))));

CREATE FUNCTION kki.drop_staging(batch bigint)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  own constant text := 'batch_' || batch;
  parent text;
begin
  foreach parent in array array['staged_page', 'staged_row', 'staged_unchanged', 'staged_rejection', 'plan_row'] loop
    execute format('drop table if exists %I.%I', own, parent);
  end loop;
  execute format('drop schema if exists %I', own);
end
$function$;
REVOKE ALL ON FUNCTION kki.drop_staging(bigint) FROM PUBLIC;

CREATE FUNCTION kki.field_group(field text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE
   WHEN (field = ANY (ARRAY['name'::text, 'title_prefix'::text, 'title_suffix'::text, 'name_key'::text, 'name_at'::text])) THEN 'name'::text
   WHEN (field = ANY (ARRAY['nik_digest'::text, 'nik_sealed'::text, 'nik_at'::text])) THEN 'nik'::text
   WHEN (field = ANY (ARRAY['birth_place'::text, 'birth_place_key'::text, 'birth_place_at'::text])) THEN 'birth_place'::text
   WHEN (field = ANY (ARRAY['birth_date'::text, 'birth_date_at'::text])) THEN 'birth_date'::text
   WHEN (field = ANY (ARRAY['sex'::text, 'sex_at'::text])) THEN 'sex'::text
   WHEN (field = 'health_worker_id'::text) THEN 'person'::text
   WHEN (field = ANY (ARRAY['status'::text, 'replaced_by'::text])) THEN 'status'::text
   ELSE 'row'::text END;

CREATE FUNCTION kki.forget_disclosures(last_id bigint)
 RETURNS bigint
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  with gone as (
    delete from kki.disclosure where id <= last_id and at <= now() - interval '30 days' returning 1
  )
  select count(*) from gone;
$function$;
REVOKE ALL ON FUNCTION kki.forget_disclosures(bigint) FROM PUBLIC;

CREATE FUNCTION kki.has_outcomes(state text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (state = ANY (ARRAY['planned'::text, 'held'::text, 'applied'::text, 'undone'::text]));

CREATE FUNCTION kki.hold_disclosures()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('sdmk disclosures', 0));
  return null;
end
$function$;

CREATE FUNCTION kki.index_staging(batch bigint)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  own constant text := 'batch_' || batch;
begin
  execute format('create index if not exists plan_row_rank_idx on %I.plan_row (rank, row_no)', own);
  execute format('create index if not exists staged_row_row_no_idx on %I.staged_row (row_no)', own);
  execute format('create index if not exists staged_rejection_row_no_idx on %I.staged_rejection (row_no)', own);
end
$function$;
REVOKE ALL ON FUNCTION kki.index_staging(bigint) FROM PUBLIC;

CREATE FUNCTION kki.inherit_grants(part regclass)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  granted record;
begin
  for granted in
    select string_agg(a.privilege_type, ', ') as privileges, a.grantee::regrole as grantee, p.relnamespace::regnamespace as schema
    from pg_inherits i join pg_class c on c.oid = i.inhparent join pg_class p on p.oid = i.inhrelid, aclexplode(c.relacl) a
    where i.inhrelid = part and a.grantee not in (0, c.relowner)
    group by a.grantee, p.relnamespace
  loop
    execute format('grant %s on %s to %s', granted.privileges, part, granted.grantee);
    execute format('grant usage on schema %s to %s', granted.schema, granted.grantee);
  end loop;
end
$function$;
REVOKE ALL ON FUNCTION kki.inherit_grants(regclass) FROM PUBLIC;

CREATE FUNCTION kki.is_open(state text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (kki.is_under_way(state) OR (state = 'held'::text));

CREATE FUNCTION kki.is_under_way(state text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (state = ANY (ARRAY['queued'::text, 'fetching'::text, 'staged'::text, 'planned'::text]));

CREATE FUNCTION kki.is_walk(kind text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (kind = ANY (ARRAY['incremental'::text, 'window'::text, 'full'::text]));

CREATE FUNCTION kki.open_staging(batch bigint)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  own constant text := 'batch_' || batch;
  parent text;
  part text;
begin
  if to_regnamespace(own) is null then execute format('create schema %I', own); end if;
  foreach parent in array array['staged_page', 'staged_row', 'staged_unchanged', 'staged_rejection', 'plan_row'] loop
    part := format('%I.%I', own, parent);
    if to_regclass(part) is null then
      execute format('create table %s (like kki.%I including all)', part, parent);
      execute format('alter table %s alter column batch_id set default %s', part, batch);
      execute format('alter table kki.%I attach partition %s for values in (%s)', parent, part, batch);
      perform kki.inherit_grants(part::regclass);
    else
      execute format('truncate %s', part);
    end if;
  end loop;
end
$function$;
REVOKE ALL ON FUNCTION kki.open_staging(bigint) FROM PUBLIC;

CREATE FUNCTION kki.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'audit events are append-only';
end
$function$;

CREATE FUNCTION kki.renew_statistics(VARIADIC tables regclass[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET default_statistics_target TO '10'
AS $function$
declare
  ours regclass;
begin
  for ours in
    select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.oid = any (tables) and (n.nspname in ('sdmk', 'kki') or n.nspname ~ '^batch_[0-9]+$')
  loop
    execute format('analyze %s%s', ours, case
      when exists (select from pg_inherits where inhrelid = ours and inhparent = 'kki.staged_row'::regclass)
        then ' (batch_id, row_no, str_number, profession, content_hash, nik_digest)'
    end);
  end loop;
end
$function$;
REVOKE ALL ON FUNCTION kki.renew_statistics(regclass[]) FROM PUBLIC;

CREATE FUNCTION kki.unchanged_registration(str_number text, profession text, content_hash bytea, nik_digest bytea)
 RETURNS SETOF bigint
 LANGUAGE sql
 STABLE PARALLEL SAFE
BEGIN ATOMIC
 SELECT r.id
    FROM sdmk.registration r
   WHERE ((r.str_number = unchanged_registration.str_number) AND (r.profession = unchanged_registration.profession) AND (r.content_hash = unchanged_registration.content_hash) AND ((unchanged_registration.nik_digest IS NULL) OR (EXISTS ( SELECT
            FROM sdmk.health_worker h
           WHERE ((h.id = r.health_worker_id) AND (h.nik_digest = unchanged_registration.nik_digest)))) OR (EXISTS ( SELECT
            FROM sdmk.former_nik f
           WHERE ((f.health_worker_id = r.health_worker_id) AND (f.nik_digest = unchanged_registration.nik_digest))))) AND (NOT (EXISTS ( SELECT
            FROM kki.decision d
           WHERE ((d.str_number = unchanged_registration.str_number) AND (d.withdrawn_at IS NULL))))));
END;

CREATE SEQUENCE sdmk.version_seq AS bigint START 1 INCREMENT 1 CACHE 1;

CREATE TABLE sdmk.digest_key (
    is_only boolean DEFAULT true NOT NULL,
    fingerprint bytea NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT digest_key_pkey PRIMARY KEY (is_only),
    CONSTRAINT digest_key_fingerprint_length CHECK ((octet_length(fingerprint) = 32)),
    CONSTRAINT digest_key_is_only CHECK (is_only)
);

CREATE TABLE sdmk.former_nik (
    health_worker_id bigint NOT NULL,
    nik_digest bytea NOT NULL,
    nik_sealed bytea NOT NULL,
    replaced_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT former_nik_pkey PRIMARY KEY (health_worker_id, nik_digest),
    CONSTRAINT former_nik_health_worker_fkey FOREIGN KEY (health_worker_id) REFERENCES sdmk.health_worker(id) ON DELETE CASCADE,
    CONSTRAINT former_nik_digest_length CHECK ((octet_length(nik_digest) = 32))
);

CREATE TABLE sdmk.health_worker (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    nik_digest bytea,
    nik_sealed bytea,
    name text NOT NULL,
    title_prefix text,
    title_suffix text,
    name_key text COLLATE "C" NOT NULL,
    birth_place text,
    birth_place_key text COLLATE "C",
    birth_date date,
    sex text,
    nik_at timestamp with time zone,
    name_at timestamp with time zone NOT NULL,
    birth_place_at timestamp with time zone,
    birth_date_at timestamp with time zone,
    sex_at timestamp with time zone,
    restricted_at timestamp with time zone,
    erased_at timestamp with time zone,
    version bigint DEFAULT nextval('sdmk.version_seq'::regclass) NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT health_worker_pkey PRIMARY KEY (id),
    CONSTRAINT health_worker_name_present CHECK (((name <> ''::text) AND (name_key <> ''::text))),
    CONSTRAINT health_worker_nik_digest_length CHECK ((octet_length(nik_digest) = 32)),
    CONSTRAINT health_worker_nik_together CHECK (((nik_digest IS NULL) = (nik_sealed IS NULL))),
    CONSTRAINT health_worker_sex_known CHECK ((sex = ANY (ARRAY['male'::text, 'female'::text])))
) WITH (fillfactor=90);
CREATE INDEX health_worker_birth_idx ON sdmk.health_worker USING btree (birth_date, birth_place_key);
CREATE INDEX health_worker_birth_without_nik_idx ON sdmk.health_worker USING btree (birth_date, birth_place_key) WHERE (nik_digest IS NULL);
CREATE INDEX health_worker_name_key_idx ON sdmk.health_worker USING btree (name_key, birth_date);
CREATE INDEX health_worker_name_key_without_nik_idx ON sdmk.health_worker USING btree (name_key, birth_date) WHERE (nik_digest IS NULL);
CREATE INDEX health_worker_name_sounds_idx ON sdmk.health_worker USING gin (sdmk.name_sounds(name_key)) WITH (gin_pending_list_limit='256');
CREATE UNIQUE INDEX health_worker_nik_digest_uniq ON sdmk.health_worker USING btree (nik_digest);
CREATE INDEX health_worker_restricted_idx ON sdmk.health_worker USING btree (id) WHERE (restricted_at IS NOT NULL);
CREATE TRIGGER health_worker_stays_erased BEFORE UPDATE ON sdmk.health_worker FOR EACH ROW WHEN ((old.erased_at IS NOT NULL)) EXECUTE FUNCTION sdmk.keep_person_erased();

CREATE TABLE sdmk.profession (
    code text COLLATE "C" NOT NULL,
    name_en text NOT NULL,
    name_id text NOT NULL,
    profession_group text NOT NULL,
    CONSTRAINT profession_pkey PRIMARY KEY (code)
);

CREATE TABLE sdmk.registration (
    id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    health_worker_id bigint NOT NULL,
    str_number text COLLATE "C" NOT NULL,
    str_raw text NOT NULL,
    str_format text NOT NULL,
    profession text COLLATE "C" NOT NULL,
    competence text,
    status text NOT NULL,
    stated_status text NOT NULL,
    source_status text NOT NULL,
    issued_on date,
    valid_until date,
    is_lifetime boolean NOT NULL,
    institution text,
    graduation_year integer,
    province text,
    source_at timestamp with time zone NOT NULL,
    content_hash bytea NOT NULL,
    warnings text[],
    match_reason text NOT NULL,
    replaced_by bigint,
    erased_at timestamp with time zone,
    version bigint DEFAULT nextval('sdmk.version_seq'::regclass) NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT registration_pkey PRIMARY KEY (id),
    CONSTRAINT registration_health_worker_fkey FOREIGN KEY (health_worker_id) REFERENCES sdmk.health_worker(id),
    CONSTRAINT registration_replaced_by_fkey FOREIGN KEY (replaced_by) REFERENCES sdmk.registration(id),
    CONSTRAINT registration_content_hash_length CHECK ((octet_length(content_hash) = 16)),
    CONSTRAINT registration_stated_status_known CHECK ((stated_status = ANY (ARRAY['active'::text, 'suspended'::text, 'inactive'::text, 'revoked'::text, 'expired'::text, 'deceased'::text, 'unknown'::text]))),
    CONSTRAINT registration_status_known CHECK ((status = ANY (ARRAY['active'::text, 'suspended'::text, 'inactive'::text, 'revoked'::text, 'expired'::text, 'deceased'::text, 'replaced'::text, 'unknown'::text]))),
    CONSTRAINT registration_str_format_known CHECK ((str_format = ANY (ARRAY['kki_2004'::text, 'lifetime'::text, 'unknown'::text])))
) WITH (fillfactor=90);
CREATE INDEX registration_active_until_idx ON sdmk.registration USING btree (valid_until) WHERE (status = 'active'::text);
CREATE INDEX registration_erased_idx ON sdmk.registration USING btree (str_number) WHERE (erased_at IS NOT NULL);
CREATE INDEX registration_health_worker_id_idx ON sdmk.registration USING btree (health_worker_id);
CREATE INDEX registration_replaced_by_idx ON sdmk.registration USING btree (replaced_by) WHERE (replaced_by IS NOT NULL);
CREATE UNIQUE INDEX registration_str_number_profession_uniq ON sdmk.registration USING btree (str_number, profession);
CREATE TRIGGER registration_stays_erased BEFORE UPDATE ON sdmk.registration FOR EACH ROW WHEN ((old.erased_at IS NOT NULL)) EXECUTE FUNCTION sdmk.keep_registration_erased();

CREATE TABLE sdmk.str_number (
    str_number text COLLATE "C" NOT NULL,
    CONSTRAINT str_number_pkey PRIMARY KEY (str_number)
);

CREATE FUNCTION sdmk.agreement(a anyelement, b anyelement)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ select case when a = b then 'equal' when a <> b then 'different' end $function$;

CREATE FUNCTION sdmk.date_agreement(a date, b date)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
declare
  digits_a text;
  digits_b text;
begin
  if a = b then return 'equal'; end if;
  if abs(a - b) = 1 then return 'near'; end if;
  digits_a := (date_part('year', a) * 10000 + date_part('month', a) * 100 + date_part('day', a))::int::text;
  digits_b := (date_part('year', b) * 10000 + date_part('month', b) * 100 + date_part('day', b))::int::text;
  if sdmk.slip(digits_a, digits_b) is not null then return 'near'; end if;
  if left(digits_a, 4) = left(digits_b, 4) then
    if right(digits_a, 4) = '0101' or right(digits_b, 4) = '0101'
      or right(digits_a, 4) = right(digits_b, 2) || substr(digits_b, 5, 2) then return 'near'; end if;
    return 'partly';
  end if;
  if right(digits_a, 4) = right(digits_b, 4) then return 'near'; end if;
  return 'different';
end
$function$;

CREATE FUNCTION sdmk.erase_person(person bigint, everything boolean)
 RETURNS bigint[]
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  digests bytea[];
  strs text[];
  licences bigint[];
  touched bigint[];
begin
  perform from sdmk.health_worker where id = person for update;
  select array_agg(d.digest) into digests from (
    select nik_digest as digest from sdmk.health_worker where id = person and nik_digest is not null
    union select nik_digest from sdmk.former_nik where health_worker_id = person
  ) d;
  select array_agg(id), array_agg(distinct str_number) into licences, strs
  from sdmk.registration where health_worker_id = person;

  delete from sdmk.former_nik where health_worker_id = person;
  update kki.change set health_worker_before = null where health_worker_id = person and health_worker_before is not null;

  with scrubbed as (
    update kki.rejection_occurrence o
    set raw_sealed = null, nik_digest = null, name_key = null, content_digest = null
    from kki.rejection r
    where r.id = o.rejection_id and (everything or r.state <> 'open')
      and (o.nik_digest = any (digests)
        or (o.nik_digest is null and r.str_number = any (strs) and (r.candidates is null or person = any (r.candidates))))
    returning o.rejection_id
  )
  select coalesce(array_agg(distinct rejection_id), '{}') into touched from scrubbed;
  -- Nobody can decide about a row that is no longer stored.
  update kki.rejection r
  set state = 'dismissed', decided_at = now(), decided_by = 'erasure', version = nextval('sdmk.version_seq')
  where r.id = any (touched) and r.state = 'open'
    and not exists (
      select from kki.rejection_occurrence o where o.rejection_id = r.id and o.raw_sealed is not null
        and o.settled_by_batch_id is null
    );
  update kki.decision
  set nik_digest = null, name_key = null, withdrawn_at = coalesce(withdrawn_at, now())
  where (health_worker_id = person or nik_digest = any (digests)) and (everything or withdrawn_at is not null);

  if everything then
    update kki.change
    set registration_before = registration_before
      - array['str_raw', 'institution', 'graduation_year', 'province', 'content_hash']
    where registration_id = any (licences) and registration_before is not null;
    update sdmk.registration
    set str_raw = str_number, institution = null, graduation_year = null, province = null,
      content_hash = decode(replace(gen_random_uuid()::text, '-', ''), 'hex'), erased_at = now(),
      version = nextval('sdmk.version_seq'), updated_at = now()
    where id = any (licences);
    update sdmk.health_worker
    set name = 'Data dihapus', name_key = '#' || person, title_prefix = null, title_suffix = null, nik_digest = null,
      nik_sealed = null, birth_place = null, birth_place_key = null, birth_date = null, sex = null,
      nik_at = 'infinity', name_at = 'infinity', birth_place_at = 'infinity', birth_date_at = 'infinity',
      sex_at = 'infinity', erased_at = now(), version = nextval('sdmk.version_seq'), updated_at = now()
    where id = person;
    insert into kki.change (operation, health_worker_id, registration_id)
    select 'edited', person, id from unnest(licences) id union all select 'edited', person, null;
  end if;
  return touched;
end
$function$;
REVOKE ALL ON FUNCTION sdmk.erase_person(bigint,boolean) FROM PUBLIC;

CREATE FUNCTION sdmk.fold_name(name_key text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN regexp_replace(regexp_replace(regexp_replace(replace(replace(replace(replace(replace(replace(replace(translate(name_key, '0158'::text, 'OISB'::text), 'OE'::text, 'U'::text), 'DJ'::text, 'J'::text), 'TJ'::text, 'C'::text), 'SJ'::text, 'SY'::text), 'NJ'::text, 'NY'::text), 'CH'::text, 'H'::text), 'PH'::text, 'F'::text), 'V(?=[AEIOUY])|(?<=[AEIOUY])V'::text, 'F'::text, 'g'::text), 'J(?=[AEIOU])'::text, 'Y'::text, 'g'::text), '(?<=[AEIOUY])([BCDFGHKLMNPRSTZ])\1+|(?<=[BCDFGHJKLMNPRSTWZ])([AEIOU])\2+'::text, '\1\2'::text, 'g'::text);

CREATE FUNCTION sdmk.is_deactivated(status text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (status = ANY (ARRAY['suspended'::text, 'inactive'::text, 'revoked'::text, 'expired'::text, 'deceased'::text]));

CREATE FUNCTION sdmk.is_overruled(at timestamp with time zone, status text, word text, stored_at timestamp with time zone, stored_status text, stored_word text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN ((at < stored_at)
   OR ((at = stored_at)
   AND isfinite(at)
   AND (word IS DISTINCT FROM stored_word)
   AND (sdmk.status_rank(status) < sdmk.status_rank(stored_status))));

CREATE FUNCTION sdmk.is_urgent(status text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (sdmk.is_deactivated(status) AND (status <> 'expired'::text));

CREATE FUNCTION sdmk.keep_person_erased()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  new.nik_digest := null; new.nik_sealed := null;
  new.name := old.name; new.name_key := old.name_key; new.title_prefix := null; new.title_suffix := null;
  new.birth_place := null; new.birth_place_key := null; new.birth_date := null; new.sex := null;
  new.nik_at := old.nik_at; new.name_at := old.name_at; new.birth_place_at := old.birth_place_at;
  new.birth_date_at := old.birth_date_at; new.sex_at := old.sex_at;
  new.erased_at := old.erased_at;
  return new;
end
$function$;

CREATE FUNCTION sdmk.keep_registration_erased()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  -- A decision gives the licence to another person: from now on the row holds their data.
  if new.health_worker_id <> old.health_worker_id then
    new.erased_at := null;
    return new;
  end if;
  new.str_raw := old.str_raw; new.institution := null; new.graduation_year := null; new.province := null;
  -- The content hash of a row has no key: somebody who guesses name and NIK could test the guess with it.
  new.content_hash := old.content_hash;
  new.erased_at := old.erased_at;
  return new;
end
$function$;

CREATE FUNCTION sdmk.lookalikes(newcomers regclass, known regclass)
 RETURNS TABLE(row_no bigint, id bigint)
 LANGUAGE plpgsql
 STABLE ROWS 100
AS $function$
declare
  has_both boolean;
begin
  -- Planning the query takes longer than running it on a small batch, and often one side is empty.
  execute format('select exists (select from %s) and exists (select from %s)', newcomers, known) into has_both;
  if not has_both then return; end if;
  return query execute format($pairs$
    select n.row_no, h.id
    from %1$s n
    join %2$s h on h.name_key = n.name_key and h.birth_date = n.birth_date
    where n.nik_digest is null or h.nik_digest is null
      or (h.nik_digest <> n.nik_digest and sdmk.place_agreement(h.birth_place_key, n.birth_place_key) is distinct from 'different')
    union
    select n.row_no, h.id
    from %1$s n
    join %2$s h on h.name_key = n.name_key and h.birth_place_key = n.birth_place_key
    where n.nik_digest is null
      and sdmk.looks_alike(null, 'equal', case
        when (h.birth_date is null) <> (n.birth_date is null) then 'missing' else sdmk.date_agreement(h.birth_date, n.birth_date)
      end, 'equal', null)
    union
    select n.row_no, h.id
    from %1$s n
    join %2$s h on h.name_key = n.name_key and h.birth_place_key = n.birth_place_key and h.nik_digest is null
    where n.nik_digest is not null
      and sdmk.looks_alike(null, 'equal', case
        when (h.birth_date is null) <> (n.birth_date is null) then 'missing' else sdmk.date_agreement(h.birth_date, n.birth_date)
      end, 'equal', null)
    union
    select n.row_no, h.id
    from %1$s n
    join %2$s h on h.birth_date = n.birth_date and h.birth_place_key = n.birth_place_key and h.name_key <> n.name_key
    where n.nik_digest is null
      and sdmk.looks_alike(null, sdmk.name_agreement(h.name_key, n.name_key), 'equal', 'equal', sdmk.agreement(h.sex, n.sex))
    union
    select n.row_no, h.id
    from %1$s n
    join %2$s h on h.birth_date = n.birth_date and h.birth_place_key = n.birth_place_key and h.name_key <> n.name_key
      and h.nik_digest is null
    where n.nik_digest is not null
      and sdmk.looks_alike(null, sdmk.name_agreement(h.name_key, n.name_key), 'equal', 'equal', sdmk.agreement(h.sex, n.sex))
  $pairs$, newcomers, known);
end
$function$;

CREATE FUNCTION sdmk.looks_alike(nik text, name text, birth_date text, birth_place text, sex text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN COALESCE(CASE
   WHEN (nik = 'equal'::text) THEN false
   WHEN (nik = 'different'::text) THEN ((name = 'equal'::text)
   AND (birth_date = 'equal'::text)
   AND (birth_place IS DISTINCT FROM 'different'::text))
   WHEN (name = 'equal'::text) THEN ((birth_date = 'equal'::text)
   OR ((birth_place = ANY (ARRAY['equal'::text, 'near'::text]))
   AND (birth_date = ANY (ARRAY['near'::text, 'missing'::text]))))
   WHEN (name = ANY (ARRAY['similar'::text, 'part'::text])) THEN ((birth_date = 'equal'::text)
   AND (birth_place IS DISTINCT FROM 'different'::text))
   WHEN (name = 'near'::text) THEN ((birth_date = 'equal'::text)
   AND (birth_place = 'equal'::text)
   AND (sex IS DISTINCT FROM 'different'::text))
   ELSE NULL::boolean END, false);

CREATE FUNCTION sdmk.match_evidence(nik_a bytea, name_a text, birth_date_a date, birth_place_a text, sex_a text, nik_b bytea, name_b text, birth_date_b date, birth_place_b text, sex_b text)
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN concat_ws(' '::text, CASE
   WHEN (nik_a = nik_b) THEN '+nik'::text
   WHEN (nik_a <> nik_b) THEN '-nik'::text
   ELSE NULL::text END, CASE sdmk.name_agreement(name_a, name_b)
   WHEN 'equal'::text THEN '+name'::text
   WHEN 'different'::text THEN '-name'::text
   ELSE CASE
   WHEN ((name_a <> ''::text)
   AND (name_b <> ''::text)) THEN '~name'::text
   ELSE NULL::text END END, CASE sdmk.date_agreement(birth_date_a, birth_date_b)
   WHEN 'equal'::text THEN '+birth_date'::text
   WHEN 'near'::text THEN '~birth_date'::text
   WHEN 'partly'::text THEN '-birth_date'::text
   WHEN 'different'::text THEN '-birth_date'::text
   ELSE NULL::text END, CASE sdmk.place_agreement(birth_place_a, birth_place_b)
   WHEN 'equal'::text THEN '+birth_place'::text
   WHEN 'near'::text THEN '~birth_place'::text
   WHEN 'different'::text THEN '-birth_place'::text
   ELSE NULL::text END, CASE
   WHEN (sex_a <> sex_b) THEN '-sex'::text
   ELSE NULL::text END);

CREATE FUNCTION sdmk.name_agreement(a text, b text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
declare
  words_a text[];
  words_b text[];
  rest_a text[];
  rest_b text[];
  word_a text;
  at int;
  strong int := 0;
  like_words int := 0;
  is_long boolean := false;
begin
  if a = '' or b = '' then return null; end if;
  if a = b then return 'equal'; end if;
  if sdmk.names_compatible(a, b) then return 'part'; end if;
  words_a := string_to_array(a, ' ');
  words_b := string_to_array(b, ' ');
  if a ~ '\m\w\M' or b ~ '\m\w\M' then
    select array_agg(word) into rest_a from unnest(words_a) word where length(word) > 1;
    select array_agg(word) into rest_b from unnest(words_b) word where length(word) > 1;
    if rest_a = rest_b and (words_a <@ words_b or words_b <@ words_a) then return 'part'; end if;
  end if;
  words_a := string_to_array(sdmk.fold_name(a), ' ');
  words_b := string_to_array(sdmk.fold_name(b), ' ');
  rest_b := words_b;
  rest_a := '{}';
  foreach word_a in array words_a loop
    at := array_position(rest_b, word_a);
    if at is null then
      rest_a := rest_a || word_a;
    else
      rest_b := rest_b[:at - 1] || rest_b[at + 1:];
      if length(word_a) >= 3 then strong := strong + 1; end if;
    end if;
  end loop;
  if cardinality(rest_a) = 0 and cardinality(rest_b) = 0 then return 'similar'; end if;
  if (cardinality(words_a) = 1 and cardinality(rest_a) = 0 and length(words_a[1]) >= 4)
    or (cardinality(words_b) = 1 and cardinality(rest_b) = 0 and length(words_b[1]) >= 4) then return 'similar'; end if;
  if strong = 0 and cardinality(words_a) > 1 and cardinality(words_b) > 1 then return 'different'; end if;
  -- The remaining words, one by one.
  if cardinality(rest_a) = cardinality(rest_b) then
    words_a := '{}';
    words_b := rest_b;
    foreach word_a in array rest_a loop
      select n into at from unnest(words_b) with ordinality r (word, n)
      where (least(length(word_a), length(word)) = 1 and left(word_a, 1) = left(word, 1))
        or (length(word_a) = 2 and left(word_a, 1) <> right(word_a, 1) and word like left(word_a, 1) || '_%' || right(word_a, 1) || '%')
        or (length(word) = 2 and left(word, 1) <> right(word, 1) and word_a like left(word, 1) || '_%' || right(word, 1) || '%')
        or (least(length(word_a), length(word)) >= 3 and abs(length(word_a) - length(word)) >= 2
          and (starts_with(word_a, word) or starts_with(word, word_a)))
        or sdmk.slip(word_a, word) = 'light'
      limit 1;
      if at is null then
        words_a := words_a || word_a;
      else
        words_b := words_b[:at - 1] || words_b[at + 1:];
        is_long := is_long or length(word_a) >= 5;
      end if;
    end loop;
    if cardinality(words_a) = 0 and (strong > 0 or (cardinality(rest_a) = 1 and is_long)) then return 'similar'; end if;
  -- Two words written as one.
  elsif (cardinality(rest_a) = 1 and cardinality(rest_b) = 2 and rest_a[1] in (rest_b[1] || rest_b[2], rest_b[2] || rest_b[1]))
    or (cardinality(rest_b) = 1 and cardinality(rest_a) = 2 and rest_b[1] in (rest_a[1] || rest_a[2], rest_a[2] || rest_a[1])) then
    return 'similar';
  end if;
  if strong > 1 or (strong > 0 and (cardinality(rest_a) = 0 or cardinality(rest_b) = 0)) then return 'near'; end if;
  foreach word_a in array rest_a loop
    select n into at from unnest(rest_b) with ordinality r (word, n)
    where least(length(word_a), length(word)) >= 4
      and (sdmk.slip(word_a, word) is not null or starts_with(word_a, word) or starts_with(word, word_a))
    limit 1;
    if at is not null then
      rest_b := rest_b[:at - 1] || rest_b[at + 1:];
      like_words := like_words + 1;
    end if;
  end loop;
  if like_words > 0 and (like_words = cardinality(rest_a) or cardinality(rest_b) = 0) then return 'near'; end if;
  return 'different';
end
$function$;

CREATE FUNCTION sdmk.name_sounds(name_key text)
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN string_to_array(translate(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(translate(replace(replace(replace(replace(replace(translate(name_key, '0158FVQZ'::text, 'OISBPPKS'::text), 'DJ'::text, 'J'::text), 'TJ'::text, 'C'::text), 'KH'::text, ''::text), 'CH'::text, ''::text), 'X'::text, 'KS'::text), 'D'::text, 'T'::text), 'BB'::text, 'B'::text), 'CC'::text, 'C'::text), 'GG'::text, 'G'::text), 'JJ'::text, 'J'::text), 'KK'::text, 'K'::text), 'LL'::text, 'L'::text), 'MM'::text, 'M'::text), 'NN'::text, 'N'::text), 'PP'::text, 'P'::text), 'RR'::text, 'R'::text), 'SS'::text, 'S'::text), 'TT'::text, 'T'::text), 'AEIOUHY'::text, ''::text), ' '::text);

CREATE FUNCTION sdmk.names_compatible(a text, b text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN ((a = b)
   OR ((LEAST(cardinality(string_to_array(a, ' '::text)), cardinality(string_to_array(b, ' '::text))) >= 2)
   AND ((string_to_array(a, ' '::text) <@ string_to_array(b, ' '::text))
   OR (string_to_array(b, ' '::text) <@ string_to_array(a, ' '::text)))));

CREATE FUNCTION sdmk.place_agreement(a text, b text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE
   WHEN ((a IS NULL)
   OR (b IS NULL)) THEN NULL::text
   WHEN (a = b) THEN 'equal'::text
   WHEN (split_part(a, '/'::text, 1) = split_part(b, '/'::text, 1)) THEN 'near'::text
   WHEN ((string_to_array(a, ' '::text) <@ string_to_array(b, ' '::text))
   OR (string_to_array(b, ' '::text) <@ string_to_array(a, ' '::text))) THEN 'near'::text
   WHEN ((LEAST(length(a), length(b)) >= 5)
   AND (sdmk.slip(a, b) IS NOT NULL)) THEN 'near'::text
   ELSE 'different'::text END;

CREATE FUNCTION sdmk.same_holder(nik text, name text, birth_date text, birth_place text, sex text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN COALESCE(CASE
   WHEN (nik = 'different'::text) THEN false
   WHEN (nik = 'equal'::text) THEN (NOT COALESCE(((name = ANY (ARRAY['near'::text, 'different'::text]))
   AND (birth_date = 'different'::text)), false))
   WHEN (birth_date = 'different'::text) THEN false
   WHEN (birth_date = 'equal'::text) THEN (NOT COALESCE(((name = ANY (ARRAY['near'::text, 'different'::text]))
   AND ((birth_place = 'different'::text)
   OR (sex = 'different'::text))), false))
   WHEN ((name = ANY (ARRAY['equal'::text, 'similar'::text, 'part'::text]))
   AND (sex IS DISTINCT FROM 'different'::text)) THEN ((birth_place = 'equal'::text)
   OR ((birth_date = 'near'::text)
   AND (birth_place IS DISTINCT FROM 'different'::text)))
   ELSE NULL::boolean END, false);

CREATE FUNCTION sdmk.same_nik_holder(name text, birth_date text, birth_place text, sex text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN COALESCE(CASE
   WHEN (birth_date = 'different'::text) THEN false
   WHEN ((sex = 'different'::text)
   AND (birth_date IS DISTINCT FROM 'equal'::text)) THEN false
   WHEN (name = 'equal'::text) THEN true
   WHEN (name = 'similar'::text) THEN ((birth_date = 'equal'::text)
   AND (birth_place = ANY (ARRAY['equal'::text, 'near'::text])))
   WHEN (name = 'part'::text) THEN ((birth_date = 'equal'::text)
   OR ((birth_date IS NULL)
   AND (birth_place = 'equal'::text)))
   ELSE NULL::boolean END, false);

CREATE FUNCTION sdmk.same_person(nik text, name text, birth_date text, birth_place text, sex text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN COALESCE(CASE nik
   WHEN 'different'::text THEN false
   WHEN 'equal'::text THEN CASE
   WHEN (name = ANY (ARRAY['equal'::text, 'similar'::text, 'part'::text])) THEN ((birth_date IS DISTINCT FROM 'different'::text)
   OR ((name <> 'part'::text)
   AND (birth_place IS DISTINCT FROM 'different'::text)
   AND (sex IS DISTINCT FROM 'different'::text)))
   ELSE (birth_date = 'equal'::text) END
   ELSE CASE
   WHEN (birth_date = 'different'::text) THEN false
   WHEN (name = 'equal'::text) THEN (((birth_date = 'equal'::text)
   AND (NOT COALESCE(((birth_place = 'different'::text)
   AND (sex = 'different'::text)), false)))
   OR ((birth_place = 'equal'::text)
   AND (birth_date IS DISTINCT FROM 'partly'::text)
   AND (sex IS DISTINCT FROM 'different'::text)))
   WHEN (name = 'similar'::text) THEN ((birth_date = 'equal'::text)
   AND (birth_place = ANY (ARRAY['equal'::text, 'near'::text]))
   AND (sex IS DISTINCT FROM 'different'::text))
   WHEN (name = 'part'::text) THEN ((birth_date = 'equal'::text)
   AND (birth_place IS DISTINCT FROM 'different'::text)
   AND (sex IS DISTINCT FROM 'different'::text))
   ELSE NULL::boolean END END, false);

CREATE FUNCTION sdmk.slip(a text, b text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
declare
  shorter constant int := least(length(a), length(b));
  longer constant int := greatest(length(a), length(b));
  head int := 0;
  tail int := 0;
  rest_a text;
  rest_b text;
begin
  if longer - shorter > 1 then return null; end if;
  while head < shorter and substr(a, head + 1, 1) = substr(b, head + 1, 1) loop head := head + 1; end loop;
  while tail < shorter - head and left(right(a, tail + 1), 1) = left(right(b, tail + 1), 1) loop tail := tail + 1; end loop;
  rest_a := substr(a, head + 1, length(a) - head - tail);
  rest_b := substr(b, head + 1, length(b) - head - tail);
  if length(rest_a) + length(rest_b) = 1 then
    return case when longer >= 6 and head > 0 and tail > 0 then 'light' else 'one' end;
  end if;
  if length(rest_a) = 1 and length(rest_b) = 1 then
    return case
      when least(rest_a, rest_b) || greatest(rest_a, rest_b) in ('FP', 'DT', 'IL', 'BH', 'CE', 'UV', 'GQ', 'OQ')
        and longer >= 4 then 'light'
      when head > 0 and longer >= 5 and (rest_a ~ '[AEIOUY]') <> (rest_b ~ '[AEIOUY]') then 'light'
      when head > 0 and tail > 0 and longer >= 6 and rest_a || rest_b ~ '^[B-DF-HJ-NP-TV-XZ]{2}$' then 'light'
      else 'one'
    end;
  end if;
  if length(rest_a) = 2 and length(rest_b) = 2 and rest_a = reverse(rest_b) then
    return case when longer >= 5 then 'light' else 'one' end;
  end if;
  if (rest_a, rest_b) in (('RN', 'M'), ('M', 'RN'), ('CL', 'D'), ('D', 'CL')) then return 'light'; end if;
  return null;
end
$function$;

CREATE FUNCTION sdmk.status_rank(status text)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN COALESCE(array_position(ARRAY['active'::text, 'expired'::text, 'suspended'::text, 'inactive'::text, 'revoked'::text, 'deceased'::text], status), 0);
