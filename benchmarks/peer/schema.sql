-- What the pages ask for and tables do not hold, as PostGraphile puts it beside them. All of it can be
-- planned together with what asks for it: a function that PostgreSQL has to call for each row costs more.
CREATE VIEW license_summaries AS
    SELECT companies.id AS company_id, counted.*
    FROM companies CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE live AND holder_id IS NULL)::int AS available,
            count(*) FILTER (WHERE live AND holder_id IS NOT NULL)::int AS allocated,
            count(*) FILTER (WHERE live AND expires_at <= now() + interval '30 days')::int AS expiring,
            count(*) FILTER (WHERE NOT live)::int AS expired
        FROM (
            SELECT holder_id, expires_at, expires_at IS NULL OR expires_at > now() AS live
            FROM licenses WHERE licenses.company_id = companies.id AND voided_at IS NULL
        ) AS valid
    ) AS counted;
COMMENT ON VIEW license_summaries IS
    E'@primaryKey company_id\n@foreignKey (company_id) references companies (id)|@foreignFieldName licenseSummary';
CREATE FUNCTION users_full_name(u users) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT COALESCE(NULLIF(btrim(u.first_name || ' ' || u.last_name), ''), u.email)
$$;
CREATE FUNCTION licenses_global_id(l licenses) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(convert_to('License:' || l.id, 'UTF8'), 'base64')
$$;
CREATE FUNCTION licenses_state(l licenses) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN l.voided_at IS NOT NULL THEN 'VOID' WHEN l.expires_at <= now() THEN 'EXPIRED'
        WHEN l.holder_id IS NULL THEN 'AVAILABLE' ELSE 'ALLOCATED' END
$$;
CREATE FUNCTION requests_below(top text) RETURNS SETOF orders LANGUAGE sql STABLE AS $$
    SELECT * FROM orders WHERE status = 'REQUESTED' AND path >= top AND path < rtrim(top, '/') || '0'
    ORDER BY requested_at DESC, id DESC
$$;
CREATE FUNCTION allocated_licenses(company uuid) RETURNS SETOF licenses LANGUAGE sql STABLE AS $$
    SELECT * FROM licenses WHERE company_id = company AND holder_id IS NOT NULL AND voided_at IS NULL
    AND (expires_at IS NULL OR expires_at > now()) ORDER BY expires_at, id
$$;
