import { PrivateKey } from "@cdktf/provider-tls/lib/private-key";
import { Password } from "@cdktf/provider-random/lib/password";
import { Fn, TerraformIterator, Token } from "cdktf";
import { Construct } from "constructs";
import { instance } from "../terraform";

/**
 * The keys of every slot, whether a machine is in it or not: the Ed25519 key that its host turns into its WireGuard key, and
 * its node password. A machine that comes back is the same to its peers.
 */
export class SlotKeys extends Construct {
  private readonly wireGuard: PrivateKey;
  private readonly nodePassword: Password;

  /**
   * @param scope Where they are made.
   * @param id Their id, and the prefix of their Terraform names.
   * @param slots The slots' names.
   */
  constructor(scope: Construct, id: string, slots: readonly string[]) {
    super(scope, id);
    const forEach = TerraformIterator.fromMap(Object.fromEntries(slots.map((name) => [name, name])));
    this.wireGuard = new PrivateKey(this, "WireGuard", { forEach, algorithm: "ED25519" });
    this.wireGuard.overrideLogicalId(`${id}_wireguard`);
    this.nodePassword = new Password(this, "NodePassword", { forEach, length: 43, special: false });
    this.nodePassword.overrideLogicalId(`${id}_node_password`);
  }

  /** A slot's Ed25519 private key, PEM. */
  public wireGuardPrivateKey(slot: string): string {
    return instance(this.wireGuard, slot, "private_key_pem");
  }

  /**
   * A slot's Ed25519 public key: its 32 bytes as base64, without the padding. Of the PEM's one line, the first 16 characters
   * say what kind of key it is.
   */
  public wireGuardPublicKey(slot: string): string {
    const line = Fn.element(Fn.split("\n", instance(this.wireGuard, slot, "public_key_pem")), 1);
    return Token.asString(Fn.substr(Token.asString(line), 16, 43));
  }

  /** A slot's node password. */
  public password(slot: string): string {
    return instance(this.nodePassword, slot, "result");
  }
}
