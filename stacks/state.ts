import {
  DataTerraformRemoteStateLocal,
  DataTerraformRemoteStateS3,
  LocalBackend,
  S3Backend,
  TerraformRemoteState,
  TerraformStack,
} from "cdktf";
import { Environment } from "../config/environment";

/** Where states are kept when nothing leaves this machine: a directory, as an absolute path. */
export interface LocalState {
  readonly directory: string;
}

/** Declares where a stack keeps its state: the environment's bucket, or a directory for a rehearsal. */
export function keepState(stack: TerraformStack, environment: Environment, local?: LocalState): void {
  const name = stack.node.id;
  if (local) {
    new LocalBackend(stack, { path: localPath(local, name) });
    return;
  }
  new S3Backend(stack, s3(environment, name));
  // CDKTF 0.21 does not know the argument yet
  stack.addOverride("terraform.backend.s3.use_lockfile", true);
}

/** Reads the outputs of another stack of the environment. */
export function readState(scope: TerraformStack, id: string, environment: Environment, from: string, local?: LocalState): TerraformRemoteState {
  return local
    ? new DataTerraformRemoteStateLocal(scope, id, { path: localPath(local, from) })
    : new DataTerraformRemoteStateS3(scope, id, s3(environment, from));
}

function localPath(local: LocalState, stack: string): string {
  return `${local.directory}/${stack}.tfstate`;
}

/** S3 as Hetzner's object storage speaks it: no AWS account, no AWS metadata service. Credentials come from the process's environment. */
function s3({ backend }: Environment, stack: string) {
  return {
    bucket: backend.bucket,
    key: [backend.keyPrefix, `${stack}.tfstate`].filter(Boolean).join("/"),
    region: backend.region,
    endpoints: { s3: backend.endpoint },
    skipCredentialsValidation: true,
    skipRegionValidation: true,
    skipRequestingAccountId: true,
    skipMetadataApiCheck: true,
    skipS3Checksum: true,
  };
}
