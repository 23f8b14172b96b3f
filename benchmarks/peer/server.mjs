// PostGraphile with its own preset, as its guide has it: a token is looked up for each request, and who
// asks is told to PostgreSQL. Rights are not checked in any statement, which flatters it.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

import pg from 'pg';
import { grafserv } from 'postgraphile/grafserv/node';
import { makePgService } from 'postgraphile/adaptors/pg';
import { postgraphile } from 'postgraphile';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';

const { PEER_DATABASE_URL: connectionString, PEER_PORT: port } = process.env;
const pool = new pg.Pool({ connectionString, max: 10 });
const TOKEN = {
  name: 'token',
  text: `SELECT companies.path FROM api_tokens JOIN companies ON companies.id = api_tokens.company_id
    JOIN users ON users.id = api_tokens.created_by_id
    WHERE token_hash = $1 AND revoked_at IS NULL AND users.removed_at IS NULL
    AND NOT companies.is_archived`,
};

async function context({ node }) {
  const token = node?.req.headers.authorization?.slice('Bearer '.length) ?? '';
  const hash = createHash('sha256').update(token).digest('hex');
  const { rows } = await pool.query({ ...TOKEN, values: [hash] });
  if (!rows.length) throw new Error('nobody');
  return { pgSettings: { 'canopy.path': rows[0].path } };
}

const preset = {
  extends: [PostGraphileAmberPreset],
  disablePlugins: ['PgIndexBehaviorsPlugin'], // which filters by columns with an index of their own alone
  pgServices: [makePgService({ pool, schemas: ['public'] })],
  grafast: { context: (requestContext) => context(requestContext), explain: false },
  grafserv: { graphqlPath: '/graphql', graphiql: false, watch: false },
};

const instance = postgraphile(preset);
const server = createServer();
await instance.createServ(grafserv).addTo(server);
if (process.env.PEER_SCHEMA) {
  const { printSchema } = await import('graphql');
  console.log(printSchema((await instance.getSchemaResult()).schema));
}
server.listen(Number(port), '127.0.0.1');
