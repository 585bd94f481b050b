-- Functions that statements use and PostgreSQL does not have, as SQLite has them. They are made anew on every start.

-- The elements of an array, or the entries of an object: their places or names, and their values as text.
CREATE OR REPLACE FUNCTION json_each(given TEXT, OUT key TEXT, OUT value TEXT) RETURNS SETOF RECORD
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE ROWS 32 AS $$
BEGIN
    IF json_typeof(given::json) = 'array' THEN
        RETURN QUERY SELECT (e.place - 1)::text, e.element
            FROM json_array_elements_text(given::json) WITH ORDINALITY AS e (element, place);
    ELSE
        RETURN QUERY SELECT e.key, e.value FROM json_each_text(given::json) AS e;
    END IF;
END $$;

-- The same of what is at a path such as `$.content`.
CREATE OR REPLACE FUNCTION json_each(given TEXT, path TEXT, OUT key TEXT, OUT value TEXT) RETURNS SETOF RECORD
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 32 AS
$$ SELECT key, value FROM json_each((given::json #> string_to_array(substr(path, 3), '.'))::text) $$;

-- An element of an array that is given as text.
CREATE OR REPLACE FUNCTION json_element(given TEXT, place INTEGER) RETURNS TEXT
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT given::json OPERATOR(pg_catalog.->>) place';

DO $$ BEGIN
    IF to_regoperator(quote_ident(current_schema()) || '.->>(text, integer)') IS NULL THEN
        CREATE OPERATOR ->> (LEFTARG = TEXT, RIGHTARG = INTEGER, FUNCTION = json_element);
    END IF;
END $$;

-- Where a text is in another, from 1; 0: nowhere.
CREATE OR REPLACE FUNCTION instr(given TEXT, part TEXT) RETURNS INTEGER
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT strpos(given, part)';

-- Bytes as upper-case digits.
CREATE OR REPLACE FUNCTION hex(given BYTEA) RETURNS TEXT
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT upper(encode(given, 'hex')) $$;

-- Digits as bytes; nothing where they are none.
CREATE OR REPLACE FUNCTION unhex(given TEXT) RETURNS BYTEA
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$$ SELECT CASE WHEN given ~ '^([0-9a-fA-F]{2})*$' THEN decode(given, 'hex') END $$;

-- The same, where these characters do not count.
CREATE OR REPLACE FUNCTION unhex(given TEXT, ignored TEXT) RETURNS BYTEA
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT unhex(translate(given, ignored, '')) $$;

-- The text at a path such as `$.name`, and the length of an array there.
CREATE OR REPLACE FUNCTION json_extract(given TEXT, path TEXT) RETURNS TEXT
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$$ SELECT given::json #>> string_to_array(substr(path, 3), '.') $$;
CREATE OR REPLACE FUNCTION json_array_length(given TEXT, path TEXT) RETURNS INTEGER
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$$ SELECT coalesce(json_array_length(given::json #> string_to_array(substr(path, 3), '.')), 0) $$;

-- All of them as one array.
CREATE OR REPLACE FUNCTION json_text(given JSON[]) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT coalesce(array_to_json(given)::text, '[]') $$;
CREATE OR REPLACE AGGREGATE json_group_array(JSON) (
    SFUNC = array_append, STYPE = JSON[], INITCOND = '{}', FINALFUNC = json_text
);

-- Begins a write of the control plane: its number, unless another one has taken over since.
CREATE OR REPLACE FUNCTION floopy_begin(mine BIGINT, this BIGINT) RETURNS VOID
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE floopy_store SET write = this WHERE epoch = mine;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'another control plane has taken over' USING ERRCODE = 'FL001';
    END IF;
END $$;
