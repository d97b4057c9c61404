import { Component, type ReactNode } from "react";
import { Failure } from "../parts/States.tsx";

/** Keeps a fault in one screen from blanking the page. */
export class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return <Failure isPage error={this.state.error} onRetry={() => this.setState({ error: null })} />;
  }
}
