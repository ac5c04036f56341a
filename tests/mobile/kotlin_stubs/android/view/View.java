package android.view;

import android.content.Context;

public class View {
    public static final int VISIBLE = 0;
    public static final int GONE = 8;

    public interface OnClickListener {
        void onClick(View v);
    }

    public View(Context context) {}

    public int getVisibility() { return 0; }

    public void setVisibility(int visibility) {}

    public boolean getFitsSystemWindows() { return false; }

    public void setFitsSystemWindows(boolean fitSystemWindows) {}

    public void setOnClickListener(OnClickListener l) {}
}
