import { Component, type ReactNode } from "react";
import { Failure } from "../parts/States.tsx";

interface Props {
  /** Where the page is: a fault of one tab does not stay when another is gone to. */
  address: string;
  children: ReactNode;
}

interface State {
  address: string;
  error: unknown;
}

/** Keeps a fault in one screen from blanking the page. */
export class Boundary extends Component<Props, State> {
  override state: State = { address: this.props.address, error: null };

  static getDerivedStateFromProps({ address }: Props, state: State): State | null {
    return address === state.address ? null : { address, error: null };
  }

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return <Failure isPage error={this.state.error} onRetry={() => this.setState({ error: null })} />;
  }
}
