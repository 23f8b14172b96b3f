-- What the pages ask for and tables do not hold, as functions that PostGraphile puts beside them.
CREATE TYPE license_counts AS (available int, allocated int, expiring int, expired int);
CREATE FUNCTION companies_license_summary(c companies) RETURNS license_counts LANGUAGE sql STABLE AS $$
    SELECT count(*) FILTER (WHERE live AND holder_id IS NULL)::int,
        count(*) FILTER (WHERE live AND holder_id IS NOT NULL)::int,
        count(*) FILTER (WHERE live AND expires_at <= now() + interval '30 days')::int,
        count(*) FILTER (WHERE NOT live)::int
    FROM (
        SELECT holder_id, expires_at, expires_at IS NULL OR expires_at > now() AS live
        FROM licenses WHERE licenses.company_id = c.id AND voided_at IS NULL
    ) AS counted
$$;
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
